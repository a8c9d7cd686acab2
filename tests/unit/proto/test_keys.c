/* Keys in files: there and back, damaged, mixed up, open to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/keys/key.h"

#include <mbedtls/ecdsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/provline-keys-XXXXXX";
static struct key_unlock right, wrong;

static int set_up_group(void **state)
{
	static const char good[] = "correct horse", bad[] = "wrong horse";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(secret_set(&right.passphrases[0], good, 13, NULL), 0);
	assert_int_equal(secret_set(&wrong.passphrases[0], bad, 11, NULL), 0);
	right.count = wrong.count = 1;
	return 0;
}

static int tear_down_group(void **state)
{
	(void)state;
	return unlink(path);
}

static enum err_code load(const struct key_unlock *u, uint8_t *public_key)
{
	mbedtls_pk_context pk;
	enum err_code rc;

	mbedtls_pk_init(&pk);
	rc = key_load(&pk, path, u, public_key, NULL);
	mbedtls_pk_free(&pk);
	return rc;
}

static void p256_there_and_back(void **state)
{
	uint8_t made[KEY_PUBLIC_BYTES], read[KEY_PUBLIC_BYTES];
	struct stat st;

	(void)state;
	assert_int_equal(key_create(path, "release", NULL, false, made, NULL),
			 ERR_EXISTS);
	assert_int_equal(key_create(path, "release", NULL, true, made, NULL),
			 ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(load(NULL, read), ERR_OK);
	assert_memory_equal(made, read, sizeof made);
	assert_int_equal(key_create(path, "release", &right.passphrases[0],
				    true, made, NULL),
			 ERR_OK);
	assert_int_equal(load(&right, read), ERR_OK);
	assert_memory_equal(made, read, sizeof made);
	assert_int_equal(load(&wrong, read), ERR_UNAUTHORISED);
	assert_int_equal(load(NULL, read), ERR_UNAUTHORISED);
}

static void sfi_there_and_back(void **state)
{
	uint8_t made[KEY_SFI_BYTES], read[KEY_SFI_BYTES];
	struct dbuf file;

	(void)state;
	assert_int_equal(
		key_create_sfi(path, &right.passphrases[0], true, made, NULL),
		ERR_OK);
	assert_int_equal(key_load_sfi(read, path, &right, NULL), ERR_OK);
	assert_memory_equal(made, read, sizeof made);
	assert_int_equal(key_load_sfi(read, path, &wrong, NULL),
			 ERR_UNAUTHORISED);
	dbuf_init(&file, 8192);
	assert_int_equal(file_read(path, &file, NULL), ERR_OK);
	assert_null(memmem(file.data, file.len, made, 8));
	dbuf_fini(&file);
	assert_int_equal(key_create_sfi(path, NULL, true, made, NULL), ERR_OK);
	assert_int_equal(key_load_sfi(read, path, NULL, NULL), ERR_OK);
	assert_memory_equal(made, read, sizeof made);
}

/* Whatever is cut off: an error, never another key. */
static void cut_short(void **state)
{
	uint8_t key[KEY_SFI_BYTES], public_key[KEY_PUBLIC_BYTES];
	struct dbuf file;

	(void)state;
	assert_int_equal(
		key_create(path, "signer", NULL, true, public_key, NULL),
		ERR_OK);
	dbuf_init(&file, 8192);
	assert_int_equal(file_read(path, &file, NULL), ERR_OK);
	for (size_t len = 0; len < file.len - 1; len++) {
		assert_int_equal(file_write(path, file.data, len, 0600, NULL),
				 ERR_OK);
		assert_int_equal(load(NULL, public_key), ERR_INPUT);
		if (len != KEY_SFI_BYTES)
			assert_int_equal(key_load_sfi(key, path, NULL, NULL),
					 ERR_INPUT);
	}
	dbuf_fini(&file);
}

static void rights(void **state)
{
	static const mode_t open[] = {0640, 0604, 0620, 0602, 0610, 0601};
	uint8_t key[KEY_SFI_BYTES], public_key[KEY_PUBLIC_BYTES];

	(void)state;
	assert_int_equal(key_create_sfi(path, NULL, true, key, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
		assert_int_equal(chmod(path, open[i]), 0);
		assert_int_equal(key_load_sfi(key, path, NULL, NULL),
				 ERR_CONFIG);
		assert_int_equal(load(NULL, public_key), ERR_CONFIG);
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(key_load_sfi(key, path, NULL, NULL), ERR_OK);
	assert_int_equal(key_load_sfi(key, "/tmp", NULL, NULL), ERR_INPUT);
	assert_int_equal(key_load_sfi(key, "/dev/zero", NULL, NULL), ERR_INPUT);
	assert_int_equal(key_load_sfi(key, "/nowhere", NULL, NULL), ERR_IO);
}

/* SEC 1 with the private key of one pair and the public key of another: made by
 * OpenSSL from the keys of RFC 6979, A.2.5, and P-256's generator. */
static void mixed_pair(void **state)
{
	static const char pem[] = "-----BEGIN EC PRIVATE KEY-----\n"
				  "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuK"
				  "YisSD2choAoGCCqGSM49\n"
				  "AwEHoUQDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg"
				  "9KE5RdiYwpZP40Li/hp/\n"
				  "m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
				  "-----END EC PRIVATE KEY-----\n";
	uint8_t public_key[KEY_PUBLIC_BYTES];

	(void)state;
	assert_int_equal(file_write(path, pem, sizeof pem - 1, 0600, NULL),
			 ERR_OK);
	assert_int_equal(load(NULL, public_key), ERR_INPUT);
}

static void one_line_of_standard_input(void **state)
{
	static const char text[] = "first line\nsecond\n\n";
	struct key_unlock u = {0};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, sizeof text - 1), sizeof text - 1);
	close(fds[1]);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	close(fds[0]);
	assert_int_equal(key_unlock_add(&u, "-", NULL), ERR_OK);
	assert_int_equal(key_unlock_add(&u, "-", NULL), ERR_OK);
	assert_int_equal(u.count, 2);
	assert_true(secret_equal(&u.passphrases[0], "first line", 10));
	assert_true(secret_equal(&u.passphrases[1], "second", 6));
	assert_int_equal(key_unlock_add(&u, "-", NULL), ERR_INPUT);
	assert_int_equal(u.count, 2);
	u.count = KEY_PASSPHRASES_MAX;
	assert_int_equal(key_unlock_add(&u, "-", NULL), ERR_USAGE);
	key_unlock_fini(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p256_there_and_back),
		cmocka_unit_test(sfi_there_and_back),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(rights),
		cmocka_unit_test(mixed_pair),
		cmocka_unit_test(one_line_of_standard_input),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
