/* The daemon's configuration file, libconfuse syntax:
 *
 *   usb_socket = "/run/bench/usb"        # PROVLINE_BENCH_SOCKET
 *   control_socket = "/run/bench/control"
 *   data_dir = "/var/lib/bench"          # maker keys
 *   maker_key = "/etc/maker.pem"         # default DATA_DIR/maker.pem; made
 *   nor_part = "w25q64jv"                # of boards that do not say their own
 *   wiring = "bench"                     # the same; or b-u585i-iot02a: chip.h
 *   pace = 0.0                           # modelled per wall time; 0: free
 *   patient = false                      # see worker.h
 *   seed = 1
 *   probe "PV0001" {                     # USB serial number
 *     type = "ft2232h"                   # or ft232h, ft4232h
 *     manufacturer = "Provline"          # printable ASCII, as the serial
 *                                        # number and the product
 *     product = "Provline harness"
 *     layout = "resistor"                # or output-enable, or spi-nor:
 *                                        # bench/probe/harness.h
 *     trace = "pv0001.vcd"               # pins, for sigrok; default none
 *     scanner = "/run/bench/scan1"       # barcode scanner's device file;
 *                                        # default none
 *   }
 *   card_reader "SFI" {                  # reader's name
 *     socket = "/run/bench/pcscd"        # PCSCLITE_CSOCK_NAME
 *   }
 */
#ifndef BENCH_DAEMON_CONFIG_H
#define BENCH_DAEMON_CONFIG_H

#include "bench/probe/probe.h"
#include "proto/base/err.h"

#define CONFIG_PROBES_MAX  32u
#define CONFIG_READERS_MAX 8u

struct config_probe {
	struct probe_config usb;
	enum harness_layout layout;
	const char *trace;   /* NULL for none */
	const char *scanner; /* NULL for none */
};

struct config_reader {
	const char *name, *socket;
};

struct config {
	const char *usb_socket, *control_socket, *data_dir;
	const char *maker_key; /* NULL for the default */
	const char *nor_part;
	const char *wiring;
	double pace;
	bool patient;
	uint64_t seed;
	size_t probes_n, readers_n;
	struct config_probe probes[CONFIG_PROBES_MAX];
	struct config_reader readers[CONFIG_READERS_MAX];
	void *parsed; /* owns the strings */
};

/* ERR_CONFIG names file, line and key. */
enum err_code config_load(struct config *c, const char *path, struct err *e);
void config_fini(struct config *c);

#endif
