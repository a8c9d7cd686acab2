#include "bench/chip/board.h"

#include <string.h>

void poll_reset(struct chip *c)
{
	c->poll.length = 0;
	c->poll.fill = 0;
	c->poll.at = 0;
	c->poll.rounds = 0;
	c->poll.counter = false;
}

static void start_over(struct chip *c, uint32_t addr, uint32_t value,
		       bool counter)
{
	struct poll *p = &c->poll;

	poll_reset(c);
	p->loop[0] = (struct poll_read){addr, value, counter};
	p->fill = 1;
	p->counter = counter;
	p->begin_ps = cpu_time_ps(&c->cpu);
	p->round_at = c->cpu.cycles;
	p->round_cost = 0;
}

/* Time can go on to there, given that only reads happen. */
static uint64_t skip_target(struct chip *c, uint64_t now)
{
	const struct poll *p = &c->poll;
	uint64_t target = board_next_event(c, now);
	uint64_t jump = (now - p->begin_ps) / 256;
	uint64_t least = POLL_JUMP_CYCLES * c->cpu.cycle_ps;

	/* At slow clocks a jump of many cycles would be felt on a line. */
	if (least > 300000)
		least = 300000;
	if (!p->counter)
		return target;
	if (jump < least)
		jump = least;
	return target - now < jump ? target : now + jump;
}

static void let_time_pass(struct chip *c)
{
	struct cpu *cpu = &c->cpu;
	uint64_t now = cpu_time_ps(cpu);
	uint64_t target = skip_target(c, now);

	if (target <= cpu->until_ps) {
		cpu_skip(c, target);
	} else {
		cpu_skip(c, cpu->until_ps);
		if (!c->poll.counter) {
			cpu->idle = true;
			cpu->wake_ps = target;
		}
		cpu_request_stop(c, CPU_STOP_IDLE);
	}
	c->poll.round_at = cpu->cycles;
}

void poll_before_read(struct chip *c, uint32_t addr)
{
	struct poll *p = &c->poll;
	uint64_t cost;

	if (!p->fill || p->at != 0 || addr != p->loop[0].addr)
		return;
	if (!p->length) /* the loop has closed for the first time */
		return;
	cost = c->cpu.cycles - p->round_at;
	p->round_at = c->cpu.cycles;
	if (cost != p->round_cost || cost > POLL_LOOP_CYCLES) {
		p->round_cost = cost;
		p->rounds = 0;
		return;
	}
	if (++p->rounds < POLL_ROUNDS)
		return;
	/* What has happened since the round began has not been read yet. */
	if (p->rounds > POLL_ROUNDS && p->next_ps > cpu_time_ps(&c->cpu))
		let_time_pass(c);
	p->next_ps = board_next_event(c, cpu_time_ps(&c->cpu));
}

void poll_after_read(struct chip *c, uint32_t addr, uint32_t value,
		     bool counter)
{
	struct poll *p = &c->poll;
	struct poll_read *expected;

	if (!p->fill) {
		start_over(c, addr, value, counter);
		return;
	}
	if (!p->length) {
		if (addr == p->loop[0].addr) {
			p->length = p->fill;
			p->at = 0;
		} else if (p->fill < POLL_LOOP) {
			p->loop[p->fill++] =
				(struct poll_read){addr, value, counter};
			p->counter |= counter;
			return;
		} else {
			start_over(c, addr, value, counter);
			return;
		}
	}
	expected = &p->loop[p->at];
	if (expected->addr != addr || (!counter && expected->value != value)) {
		start_over(c, addr, value, counter);
		return;
	}
	p->at = (p->at + 1) % p->length;
}

static bool is_pin_register(uint32_t addr)
{
	bool idr = addr - GPIO_BASE < GPIO_PORTS * 0x400u &&
		   (addr & 0x3FFu) == 0x10u;
	bool pending = addr == EXTI_BASE + 0x0Cu || addr == EXTI_BASE + 0x10u;

	return idr || pending;
}

bool poll_awaits_pin(const struct chip *c)
{
	const struct poll *p = &c->poll;

	if (!p->length || p->rounds < POLL_ROUNDS)
		return false;
	for (unsigned i = 0; i < p->length; i++)
		if (is_pin_register(p->loop[i].addr))
			return true;
	return false;
}
