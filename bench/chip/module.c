/* The modules behind USART2 and USART3. Commands, answers and result codes as
 * in the Quectel EG2x-G AT commands manual V1.0 (ITU-T V.250) and Espressif's
 * ESP-AT v2.4 documentation. */
#include "bench/chip/board.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MODEM	       0u
#define WIFI	       1u
#define MODEM_DELAY_MS 5u
#define SCAN_MS	       1800u

void module_power_on(struct chip *c)
{
	for (unsigned i = 0; i < USART_COUNT; i++) {
		memset(&c->usart[i].module, 0, sizeof(c->usart[i].module));
		c->usart[i].module.echo = true;
	}
}

static void queue(struct module *m, uint64_t start_ps, const char *text)
{
	if (!m->out_len || start_ps > m->out_ready_ps)
		m->out_ready_ps = start_ps;
	for (; *text && m->out_len < sizeof(m->out); text++)
		m->out[(m->out_first + m->out_len++) % sizeof(m->out)] = *text;
}

void module_say(struct module *m, uint64_t t_ps, unsigned delay_ms,
		const char *text)
{
	queue(m, t_ps + delay_ms * 1000000000ull, text);
}

static void reply(struct module *m, uint64_t t_ps, unsigned delay_ms,
		  const char *info)
{
	char text[600];

	snprintf(text, sizeof(text), "\r\n%s%sOK\r\n", info,
		 info[0] ? "\r\n\r\n" : "");
	module_say(m, t_ps, delay_ms, text);
}

static bool is(const struct module *m, const char *command)
{
	return strcasecmp(m->line, command) == 0;
}

static bool basic_command(struct module *m, uint64_t t_ps)
{
	if (is(m, "ATE0") || is(m, "ATE1"))
		m->echo = m->line[3] == '1';
	else if (!is(m, "AT"))
		return false;
	reply(m, t_ps, MODEM_DELAY_MS, "");
	return true;
}

void modem_command(struct chip *c, struct module *m, uint64_t t_ps)
{
	static const char *const ANSWERS[][2] = {
		{"ATI", "Quectel\r\nEG21\r\nRevision: EG21GGBR07A08M2G"},
		{"AT+GMM", "EG21"},
		{"AT+CSQ", "+CSQ: 21,99"},
		{"AT+CFUN?", "+CFUN: 1"},
		{"AT+CREG?", "+CREG: 0,1"},
	};

	if (basic_command(m, t_ps))
		return;
	if (is(m, "AT+CPIN?") && board_has(c, FAULT_SIM_FAIL)) {
		module_say(m, t_ps, MODEM_DELAY_MS, "\r\n+CME ERROR: 10\r\n");
		return;
	}
	if (is(m, "AT+CPIN?")) {
		reply(m, t_ps, MODEM_DELAY_MS, "+CPIN: READY");
		return;
	}
	for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++)
		if (is(m, ANSWERS[i][0])) {
			reply(m, t_ps, MODEM_DELAY_MS, ANSWERS[i][1]);
			return;
		}
	module_say(m, t_ps, MODEM_DELAY_MS, "\r\nERROR\r\n");
}

static void scan(struct chip *c, struct module *m, uint64_t t_ps)
{
	if (board_has(c, FAULT_WIFI_FAIL)) {
		module_say(m, t_ps, SCAN_MS, "\r\nOK\r\n");
		return;
	}
	module_say(m, t_ps, SCAN_MS,
		   "+CWLAP:(3,\"line-2\",-48,\"02:1b:44:11:3a:b7\",1)\r\n"
		   "+CWLAP:(4,\"office\",-67,\"02:1b:44:11:3a:c1\",6)\r\n"
		   "+CWLAP:(3,\"guest\",-81,\"02:1b:44:11:3a:c2\",11)\r\n"
		   "\r\nOK\r\n");
}

void wifi_command(struct chip *c, struct module *m, uint64_t t_ps)
{
	if (board_has(c, FAULT_FIRMWARE_HANG)) {
		m->endless = true;
		m->out_ready_ps = t_ps;
		return;
	}
	if (basic_command(m, t_ps))
		return;
	if (is(m, "AT+CWLAP"))
		scan(c, m, t_ps);
	else if (is(m, "AT+GMR"))
		reply(m, t_ps, MODEM_DELAY_MS, "AT version:2.4.0.0");
	else if (strncasecmp(m->line, "AT+CWMODE=", 10) == 0)
		reply(m, t_ps, MODEM_DELAY_MS, "");
	else if (is(m, "AT+CWMODE?"))
		reply(m, t_ps, MODEM_DELAY_MS, "+CWMODE:1");
	else
		module_say(m, t_ps, MODEM_DELAY_MS, "\r\nERROR\r\n");
}

static void end_of_line(struct chip *c, unsigned index, uint64_t t_ps)
{
	struct module *m = &c->usart[index].module;

	m->line[m->line_len] = '\0';
	if (m->line_len == 0)
		return;
	m->line_len = 0;
	if (index == MODEM)
		modem_command(c, m, t_ps);
	else
		wifi_command(c, m, t_ps);
}

void module_hear(struct chip *c, unsigned index, char byte, uint64_t t_ps)
{
	struct module *m = &c->usart[index].module;
	char text[2] = {byte, '\0'};

	if ((index == MODEM && board_has(c, FAULT_MODEM_FAIL)) || m->endless)
		return;
	if (m->echo)
		queue(m, t_ps, text);
	if (byte == '\r')
		end_of_line(c, index, t_ps);
	else if (byte != '\n' && m->line_len + 1 < sizeof(m->line))
		m->line[m->line_len++] = byte;
}
