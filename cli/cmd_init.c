/* init: the controller's data folder. The one command besides `demo` that
 * works on files of the controller itself, before it runs. */
#include "cli/cli.h"
#include "controller/controller_init.h"

struct init_options {
	const char *dir;
	const char *names[CONTROLLER_NAMES_MAX + 1];
	size_t count;
};

enum { OPT_DATA = 1000, OPT_NAME };

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct init_options *o = arg;

	if (val == OPT_DATA)
		o->dir = value;
	else if (o->count < CONTROLLER_NAMES_MAX)
		o->names[o->count++] = value;
	else
		return err_set(e, ERR_USAGE, "more than %d names",
			       CONTROLLER_NAMES_MAX);
	return ERR_OK;
}

enum err_code cmd_init(struct cli *c, int argc, char **argv, struct err *e)
{
	static const struct option own[] = {
		{"data", required_argument, NULL, OPT_DATA},
		{"name", required_argument, NULL, OPT_NAME},
		{0}};
	struct controller_init_options init = {0};
	struct init_options o = {0};
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_option, &o, &first, e);
	if (rc)
		return rc;
	if (first != argc || !o.dir)
		return err_set(e, ERR_USAGE, "give --data DIR");
	init.dir = o.dir;
	init.names = o.count ? o.names : NULL;
	rc = controller_init(&init, e);
	if (rc)
		return rc;
	printf("%s is ready. Next:\n\n"
	       "  provline-controller --data %s\n"
	       "  export PROVLINE_TOKEN_FILE=%s/" CONTROLLER_FILE_TOKEN "\n"
	       "  export PROVLINE_CA=%s/" CONTROLLER_FILE_CA "\n"
	       "  provline status\n",
	       o.dir, o.dir, o.dir, o.dir);
	return ERR_OK;
}
