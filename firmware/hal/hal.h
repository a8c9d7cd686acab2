/* What firmware needs of the board, and nothing about registers. On the target
 * hal/ implements it over the STM32U585's registers, polled, without
 * interrupts; unit tests implement it over arrays. Every wait has a budget.
 */
#ifndef FIRMWARE_HAL_HAL_H
#define FIRMWARE_HAL_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Clock to 160 MHz, timers, provisioning UART's pins idle, NOR controller on.
 * Called once by every program that starts at reset or from the loader. False
 * when a clock does not come up; there is nobody to tell then. */
bool hal_init(void);

/* Free-running, from hal_init(); wraps after five days. */
uint32_t hal_ms(void);
void hal_wait_ms(uint32_t wait_ms); /* up to 20000 */

/* -------- provisioning UART -------- */

void hal_uart_send(const char *bytes, size_t len);
/* What comes in: waits at most wait_ms (up to 20000) for the first byte, then
 * takes all until 2 ms of silence or size bytes. Returns how many. A byte that
 * comes while nobody listens is lost, so what belongs together (an ACK and the
 * sentence behind it) is taken in one go. */
size_t hal_uart_receive(void *buf, size_t size, uint32_t wait_ms);

/* -------- SPI NOR -------- */

/* JEDEC id; false when nothing answers. */
bool hal_nor_id(uint8_t id[3]);
uint8_t hal_nor_status(void);
/* Bytes of the SFDP area from address. */
bool hal_nor_sfdp(uint32_t address, void *buf, size_t len);
/* Fits image_read_fn; arg is not used. */
bool hal_nor_read(void *arg, uint32_t offset, void *buf, size_t len);

/* -------- internal flash: offsets as in layout.h -------- */

/* The flash as memory. */
const void *hal_flash(uint32_t offset);
/* Whole pages. False when the controller reports an error. */
bool hal_flash_erase(uint32_t offset, uint32_t len);
/* offset and len in whole quad-words of erased flash. */
bool hal_flash_write(uint32_t offset, const void *data, uint32_t len);

/* -------- the chip -------- */

void hal_uid(uint8_t uid[12]);
/* True random bytes; false when the generator's own health test complains. */
bool hal_random(void *out, size_t len);
/* RSS: licence to SFI key and nonce (proto/board/sfi.h). */
bool hal_rss_unwrap(const uint8_t licence[136], uint8_t key_nonce[28]);

/* -------- modules and rail -------- */

enum hal_port { HAL_MODEM, HAL_WIFI };
/* Does this board have the module? What it has not is not tested. */
bool hal_port_fitted(enum hal_port port);
void hal_port_open(enum hal_port port); /* 115200 8N1 */
void hal_port_send(enum hal_port port, const char *bytes, size_t len);
/* The next byte, or -1 after wait_ms. */
int hal_port_byte(enum hal_port port, uint32_t wait_ms);

/* The sensor's rail in mV at the pin, by ADC1; -1 when the converter does not
 * answer. */
int hal_rail_mv(void);

void hal_led(bool lit);

/* -------- going elsewhere -------- */

_Noreturn void hal_reset(void);
/* Sleep until reset. */
_Noreturn void hal_stop(void);
/* Leave for the program whose vector table lies at that flash offset. */
_Noreturn void hal_start(uint32_t offset);

#endif
