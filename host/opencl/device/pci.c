#include "host/opencl/device/pci.h"

#include <stdlib.h>
#include <string.h>

/* Numbers from the extensions' specifications in the Khronos registry; not every CL/cl_ext.h has
 * all of them. */
#define DEVICE_PCI_BUS_INFO_KHR  0x410f
#define DEVICE_PCI_BUS_ID_NV     0x4008
#define DEVICE_PCI_SLOT_ID_NV    0x4009
#define DEVICE_PCI_DOMAIN_ID_NV  0x400a
#define DEVICE_TOPOLOGY_AMD      0x4037
#define DEVICE_TOPOLOGY_PCIE_AMD 1

static int has_extension(const struct ps_cl_api *cl, cl_device_id id, const char *name)
{
    size_t n = 0;
    char *all;
    int has = 0;

    if (cl->clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &n) != CL_SUCCESS || n == 0)
        return 0;
    all = calloc(1, n + 1);
    if (all && cl->clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, n, all, NULL) == CL_SUCCESS)
        has = strstr(all, name) != NULL;
    free(all);
    return has;
}

static int ask_khr(const struct ps_cl_api *cl, cl_device_id id, struct ps_cl_device *d)
{
    cl_uint at[4]; /* domain, bus, device, function */

    if (!has_extension(cl, id, "cl_khr_pci_bus_info") ||
        cl->clGetDeviceInfo(id, DEVICE_PCI_BUS_INFO_KHR, sizeof at, at, NULL) != CL_SUCCESS)
        return 0;
    d->pci_domain = (int)at[0];
    d->pci_bus = (int)at[1];
    d->pci_device = (int)at[2];
    d->pci_function = (int)at[3];
    return 1;
}

/* The slot number has the function in its low three bits. Old drivers do not tell the domain. */
static int ask_nv(const struct ps_cl_api *cl, cl_device_id id, struct ps_cl_device *d)
{
    cl_uint domain = 0, bus, slot;

    if (!has_extension(cl, id, "cl_nv_device_attribute_query") ||
        cl->clGetDeviceInfo(id, DEVICE_PCI_BUS_ID_NV, sizeof bus, &bus, NULL) != CL_SUCCESS ||
        cl->clGetDeviceInfo(id, DEVICE_PCI_SLOT_ID_NV, sizeof slot, &slot, NULL) != CL_SUCCESS)
        return 0;
    if (cl->clGetDeviceInfo(id, DEVICE_PCI_DOMAIN_ID_NV, sizeof domain, &domain, NULL) !=
        CL_SUCCESS)
        domain = 0;
    d->pci_domain = (int)domain;
    d->pci_bus = (int)bus;
    d->pci_device = (int)(slot >> 3);
    d->pci_function = (int)(slot & 7);
    return 1;
}

static int ask_amd(const struct ps_cl_api *cl, cl_device_id id, struct ps_cl_device *d)
{
    struct {
        cl_uint type;
        unsigned char unused[17];
        unsigned char bus, device, function;
    } at;

    _Static_assert(sizeof at == 24, "as cl_amd_device_topology defines it");
    if (!has_extension(cl, id, "cl_amd_device_attribute_query") ||
        cl->clGetDeviceInfo(id, DEVICE_TOPOLOGY_AMD, sizeof at, &at, NULL) != CL_SUCCESS ||
        at.type != DEVICE_TOPOLOGY_PCIE_AMD)
        return 0;
    d->pci_domain = 0;
    d->pci_bus = at.bus;
    d->pci_device = at.device;
    d->pci_function = at.function;
    return 1;
}

void ps_cl_pci(const struct ps_cl_api *cl, cl_device_id id, struct ps_cl_device *d)
{
    if (!ask_khr(cl, id, d) && !ask_nv(cl, id, d) && !ask_amd(cl, id, d))
        d->pci_bus = -1;
}
