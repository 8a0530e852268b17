#include "host/backend/backend.h"
