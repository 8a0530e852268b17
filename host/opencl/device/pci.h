/* Where on the PCI bus a device is. */
#ifndef PS_HOST_OPENCL_DEVICE_PCI_H
#define PS_HOST_OPENCL_DEVICE_PCI_H

#include "host/opencl/device/api.h"
#include "host/opencl/opencl.h"

/* Fill d->pci_domain, pci_bus, pci_device and pci_function; pci_bus is -1 when the driver offers
 * none of the three ways to ask. */
void ps_cl_pci(const struct ps_cl_api *cl, cl_device_id id, struct ps_cl_device *d);

#endif
