/* When modelled time passes: see worker.h. */
#include "bench/daemon/worker.h"

#define NS_PER_MS     1000000
#define PS_PER_NS     1000u
#define SLICE_PS      1000000000u /* 1 ms */
#define FOLLOW_MAX_NS (100 * NS_PER_MS)
#define SLEEP_IDLE_NS (100 * NS_PER_MS)
#define SLEEP_BUSY_NS (2 * NS_PER_MS)
#define PACE_SLACK_NS NS_PER_MS

void worker_pace_init(struct worker *w, double pace, bool patient)
{
	int64_t now = mono_now().ns;

	w->pace = (struct worker_pace){
		.pace = pace,
		.patient = patient,
		.wall_ns = now,
		.heard_ns = now,
		.zero_wall_ns = now,
		.zero_ps = w->harness->now_ps,
	};
}

/* Wall time since modelled time last followed it; what is more than the
 * maximum is forgotten: the machine was too slow or the bench asleep. */
static int64_t take_wall(struct worker_pace *p)
{
	int64_t now = mono_now().ns;
	int64_t passed = now - p->wall_ns;

	p->wall_ns = now;
	return passed > FOLLOW_MAX_NS ? FOLLOW_MAX_NS : passed;
}

static uint64_t scale(const struct worker_pace *p, int64_t wall_ns)
{
	double ratio = p->pace > 0 ? p->pace : 1.0;

	return (uint64_t)((double)wall_ns * ratio * PS_PER_NS);
}

void worker_pace_heard(struct worker *w)
{
	struct worker_pace *p = &w->pace;
	int64_t now = mono_now().ns;

	/* A host that slept finds the board that much older. */
	if (!p->patient && now - p->heard_ns > WORKER_GRACE_MS * NS_PER_MS)
		probe_elapse(w->probe, scale(p, take_wall(p)));
	p->heard_ns = p->wall_ns = now;
}

static bool board_works(const struct worker *w)
{
	return w->board != NULL && chip_busy(w->board->chip) &&
	       !chip_awaits_pin(w->board->chip);
}

/* How far modelled time is ahead of what the pace allows. */
static int64_t ahead_ns(const struct worker *w)
{
	const struct worker_pace *p = &w->pace;
	double model_ns =
		(double)(w->probe->usb_ps - p->zero_ps) / PS_PER_NS / p->pace;

	return (int64_t)model_ns - (mono_now().ns - p->zero_wall_ns);
}

static int64_t fly(struct worker *w, uint64_t until_ps)
{
	uint64_t now = w->harness->now_ps;
	uint64_t slice = now + SLICE_PS;

	w->pace.wall_ns = mono_now().ns;
	probe_wait(w->probe,
		   until_ps < slice && until_ps > now ? until_ps : slice);
	return 0;
}

/* Follow the wall while a transfer waits; sleep until it can end. */
static int64_t wait_with_wall(struct worker *w, uint64_t until_ps)
{
	uint64_t now = w->harness->now_ps;
	uint64_t step = scale(&w->pace, take_wall(&w->pace));
	double ratio = w->pace.pace > 0 ? w->pace.pace : 1.0;
	int64_t left_ns;

	if (until_ps < now + step)
		step = until_ps > now ? until_ps - now : 0;
	probe_wait(w->probe, now + step);
	if (until_ps <= now + step)
		return 0;
	left_ns =
		(int64_t)((double)(until_ps - now - step) / PS_PER_NS / ratio);
	return left_ns < SLEEP_IDLE_NS ? left_ns + 1 : SLEEP_IDLE_NS;
}

static int64_t host_silent(struct worker *w)
{
	struct worker_pace *p = &w->pace;
	int64_t silent = mono_now().ns - p->heard_ns;
	struct uart_line *uart = &w->harness->uart;
	uint64_t until;

	if (p->patient)
		return -1;
	if (silent < WORKER_GRACE_MS * NS_PER_MS)
		return WORKER_GRACE_MS * NS_PER_MS - silent + 1;
	if (w->board == NULL)
		return -1;
	if (p->pace > 0 || !board_works(w)) {
		probe_elapse(w->probe, scale(p, take_wall(p)));
		return p->pace > 0 ? SLEEP_BUSY_NS : SLEEP_IDLE_NS;
	}
	if (uart->rx.len > uart->rx.size / 2) {
		p->wall_ns = mono_now().ns;
		return SLEEP_IDLE_NS;
	}
	until = w->harness->now_ps + WORKER_AHEAD * scale(p, take_wall(p));
	while (w->harness->now_ps < until && board_works(w) &&
	       mono_now().ns - p->wall_ns < SLEEP_BUSY_NS) {
		uint64_t slice = w->harness->now_ps + SLICE_PS;

		probe_pass(w->probe, slice < until ? slice : until);
	}
	return SLEEP_BUSY_NS;
}

int64_t worker_pace_run(struct worker *w)
{
	struct usb_port_wait wait = usb_port_waits(&w->usb);

	if (w->pace.pace > 0 && ahead_ns(w) > PACE_SLACK_NS)
		return ahead_ns(w);
	if (!wait.waiting)
		return host_silent(w);
	w->pace.heard_ns = mono_now().ns;
	if (w->pace.pace <= 0 && (wait.active || board_works(w)))
		return fly(w, wait.until_ps);
	return wait_with_wall(w, wait.until_ps);
}
