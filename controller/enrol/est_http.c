#include "controller/enrol/est_http.h"

#include "proto/base/secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000L
#define MAX_CONNECTIONS	   8L

struct http {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	char *url, *ca_file, *user;
	struct secret password;
	unsigned handles; /* uv handles not yet closed */
	void (*closed)(void *arg);
	void *closed_arg;
	bool closing;
};

/* One per socket that libcurl uses. */
struct watch {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
};

static void http_maybe_freed(struct http *h)
{
	if (!h->closing || h->handles)
		return;
	secret_fini(&h->password);
	free(h->url);
	free(h->ca_file);
	free(h->user);
	if (h->closed)
		h->closed(h->closed_arg);
	free(h);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * n;

	if (len > ENROL_REPLY_MAX_BYTES - call->body_len)
		return 0; /* CURLE_WRITE_ERROR */
	memcpy(call->body + call->body_len, data, len);
	call->body_len += len;
	return len;
}

static bool is_fatal(CURLcode rc)
{
	return rc == CURLE_PEER_FAILED_VERIFICATION ||
	       rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_WRITE_ERROR ||
	       rc == CURLE_SSL_CERTPROBLEM ||
	       rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_URL_MALFORMAT;
}

static void answer(struct http_call *call, CURLcode rc)
{
	struct curl_header *retry = NULL;
	struct http_answer a = {.retry_after = "", .error = call->error};
	struct http_call was = *call;
	char retry_text[64] = "";
	curl_off_t tls_us = 0;

	curl_easy_getinfo(call->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
	a.connected = tls_us > 0;
	if (rc == CURLE_OK)
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE,
				  &a.status);
	else if (!call->error[0])
		snprintf(call->error, sizeof(call->error), "%s",
			 curl_easy_strerror(rc));
	if (rc == CURLE_WRITE_ERROR)
		snprintf(call->error, sizeof(call->error),
			 "an answer of more than %u bytes",
			 ENROL_REPLY_MAX_BYTES);
	if (!curl_easy_header(call->easy, "Retry-After", 0, CURLH_HEADER, -1,
			      &retry))
		snprintf(retry_text, sizeof(retry_text), "%s", retry->value);
	a.retry_after = retry_text;
	a.timed_out = rc == CURLE_OPERATION_TIMEDOUT;
	a.fatal = is_fatal(rc);
	a.body = call->body;
	a.body_len = call->body_len;
	/* Detach first: answered may send again with the same call. */
	call->body = NULL;
	http_cancel(call);
	was.answered(was.arg, &a);
	free(was.body);
}

static void collect(struct http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct http_call *call = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
		answer(call, msg->data.result);
		if (h->closing)
			return;
	}
}

static void act(struct http *h, curl_socket_t fd, int flags)
{
	int running;

	curl_multi_socket_action(h->multi, fd, flags, &running);
	collect(h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	int flags = 0;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(w->http, w->fd, flags);
}

static void on_timeout(uv_timer_t *t)
{
	act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;
	struct http *h = w->http;

	free(w);
	h->handles--;
	http_maybe_freed(h);
}

static struct watch *watch_new(struct http *h, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w || uv_poll_init_socket(h->loop, &w->poll, fd)) {
		free(w);
		return NULL;
	}
	w->http = h;
	w->fd = fd;
	w->poll.data = w;
	h->handles++;
	curl_multi_assign(h->multi, fd, w);
	return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		     void *socket_arg)
{
	struct http *h = arg;
	struct watch *w = socket_arg;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(h->multi, fd, NULL);
			uv_poll_stop(&w->poll);
			uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		}
		return 0;
	}
	if (!w && !(w = watch_new(h, fd)))
		return -1; /* libcurl fails the transfer */
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_poll) ? -1 : 0;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (h->closing)
		return 0;
	if (timeout_ms < 0)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timeout, (uint64_t)timeout_ms, 0);
	return 0;
}

static enum err_code check_config(const struct enrol_config *config,
				  struct err *e)
{
	if (!config->url || strncmp(config->url, "https://", 8))
		return err_set(e, ERR_CONFIG,
			       "the cloud's URL must begin with https://");
	if (strlen(config->url) > 512)
		return err_set(e, ERR_CONFIG, "the cloud's URL is too long");
	if (!config->ca_file || access(config->ca_file, R_OK))
		return err_set(e, ERR_CONFIG,
			       "the cloud's CA file cannot be "
			       "read: %s",
			       config->ca_file ? config->ca_file : "none");
	return ERR_OK;
}

enum err_code http_open(struct http **out, uv_loop_t *loop,
			const struct enrol_config *config, struct err *e)
{
	enum err_code rc = check_config(config, e);
	struct http *h;
	size_t len;

	if (rc)
		return rc;
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_set(e, ERR_NO_MEMORY, "EST client");
	if (config->password_file &&
	    (rc = secret_load(&h->password, config->password_file, e))) {
		free(h);
		return rc;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	h->loop = loop;
	h->url = strdup(config->url);
	h->ca_file = strdup(config->ca_file);
	h->user = config->user ? strdup(config->user) : NULL;
	h->multi = curl_multi_init();
	assert(h->url && h->ca_file && h->multi);
	for (len = strlen(h->url); len && h->url[len - 1] == '/';)
		h->url[--len] = '\0';
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
			  MAX_CONNECTIONS);
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	h->handles = 1;
	*out = h;
	return ERR_OK;
}

static void on_main_timer_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	h->handles--;
	http_maybe_freed(h);
}

void http_close(struct http *h, void (*closed)(void *arg), void *arg)
{
	h->closing = true;
	h->closed = closed;
	h->closed_arg = arg;
	curl_multi_cleanup(h->multi);
	uv_close((uv_handle_t *)&h->timer, on_main_timer_closed);
}

/* libcurl keeps a copy of the password for as long as the easy handle lives,
 * which is one request. */
static void set_credentials(struct http *h, CURL *easy)
{
	char text[SECRET_MAX_BYTES + 1];

	if (!h->user)
		return;
	memcpy(text, h->password.bytes, h->password.len);
	text[h->password.len] = '\0';
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_USERNAME, h->user);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, text);
	explicit_bzero(text, sizeof(text));
}

static void set_transport(struct http *h, CURL *easy, int64_t budget_ms)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)budget_ms);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

enum err_code http_send(struct http *h, struct http_call *call,
			const char *path, const char *body, int64_t budget_ms,
			struct err *e)
{
	char url[640];

	assert(!call->easy && budget_ms > 0);
	call->http = h;
	call->body_len = 0;
	call->error[0] = '\0';
	call->body = malloc(ENROL_REPLY_MAX_BYTES);
	call->easy = curl_easy_init();
	if (!call->body || !call->easy) {
		http_cancel(call);
		return err_set(e, ERR_NO_MEMORY, "EST request");
	}
	snprintf(url, sizeof(url), "%s%s", h->url, path);
	curl_easy_setopt(call->easy, CURLOPT_URL, url);
	set_transport(h, call->easy, budget_ms);
	set_credentials(h, call->easy);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	if (body) {
		call->headers = curl_slist_append(
			NULL, "Content-Type: application/pkcs10");
		curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, body);
	}
	if (curl_multi_add_handle(h->multi, call->easy)) {
		http_cancel(call);
		return err_set(e, ERR_NO_MEMORY, "EST request");
	}
	return ERR_OK;
}

void http_cancel(struct http_call *call)
{
	if (call->easy) {
		curl_multi_remove_handle(call->http->multi, call->easy);
		curl_easy_cleanup(call->easy);
	}
	curl_slist_free_all(call->headers);
	free(call->body);
	call->easy = NULL;
	call->headers = NULL;
	call->body = NULL;
}
