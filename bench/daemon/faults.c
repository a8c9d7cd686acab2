#include "bench/daemon/faults.h"

#include <string.h>

const struct fault_info faults_table[] = {
#define FAULT(name, kind, what) {name, FAULT_KIND_##kind, what},
#include "bench/faults.def"
#undef FAULT
};

const size_t faults_count = sizeof(faults_table) / sizeof(faults_table[0]);

int faults_find(const char *name)
{
	for (size_t i = 0; i < faults_count; i++) {
		if (strcmp(name, faults_table[i].name) == 0)
			return (int)i;
	}
	return -1;
}
