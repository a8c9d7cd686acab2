/* `card-new`: personalise a virtual SFI card from the command line. */
#ifndef BENCH_CARD_CARD_NEW_H
#define BENCH_CARD_CARD_NEW_H

/* argv[0] is the subcommand's name, argv[1..] its arguments:
 *
 *   FILE --serial S --fwid TEXT --key FILE28 --max N [--counter N]
 *   --maker-key PEM [--open]
 *
 * FILE28 holds 16 bytes of AES key and 12 of nonce; PEM either half of the
 * silicon maker's key pair. --open leaves the card unlocked: it then answers
 * that it is not operational. Errors go to stderr in the name of program.
 * Returns the exit code of the contract. */
int card_new_main(const char *program, int argc, char **argv);

#endif
