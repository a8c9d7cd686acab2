#include "proto/base/wall.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WALL_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

int64_t wall_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *wall_format(char out[WALL_TEXT_SIZE], int64_t wall_ms)
{
	struct tm tm;
	time_t s;
	size_t n;

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > WALL_MAX_MS)
		wall_ms = WALL_MAX_MS;
	s = (time_t)(wall_ms / 1000);
	gmtime_r(&s, &tm);
	n = strftime(out, WALL_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, WALL_TEXT_SIZE - n, ".%03dZ", (int)(wall_ms % 1000));
	return out;
}

bool wall_parse(const char *text, int64_t *wall_ms)
{
	char again[WALL_TEXT_SIZE];
	struct tm tm = {0};
	int ms, end = 0;

	if (strlen(text) != WALL_TEXT_SIZE - 1)
		return false;
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &tm.tm_year,
		   &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
		   &ms, &end) != 7 ||
	    end != WALL_TEXT_SIZE - 1)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*wall_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return strcmp(wall_format(again, *wall_ms), text) == 0;
}
