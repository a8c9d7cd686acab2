/* `card-new`: make a virtual SFI card. */
#ifndef BENCH_CARD_CARD_NEW_H
#define BENCH_CARD_CARD_NEW_H

/* argv[0] is the subcommand's name, argv[1..] its arguments:
 *
 *   FILE --serial S --fwid TEXT --key FILE28 --max N [--counter N]
 *   --maker-key PEM [--open]
 *   FILE --serial S --maker-key PEM --blank
 *
 * FILE28 holds 16 bytes of AES key and 12 of nonce; PEM either half of the
 * silicon maker's key pair. --open leaves the card personalised but
 * unlocked, --blank leaves it empty: neither issues licences. Errors go to
 * stderr in the name of program. Returns the exit code of the contract. */
int card_new_main(const char *program, int argc, char **argv);

#endif
