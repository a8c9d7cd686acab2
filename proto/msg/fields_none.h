/* Field rows of messages.def that say nothing: define before including the
 * table when only its MESSAGE and RECORD rows matter. */
#define TEXT(name, max, what)
#define NAME_(name, max, what)
#define UUID(name, what)
#define HEXN(name, bytes, what)
#define BYTES(name, max, what)
#define UINT(name, max, what)
#define SINT(name, min, max, what)
#define REAL(name, what)
#define FLAG(name, what)
#define LIST(name, record, max, what)
