/*
 * icu.h
 *		ICU for text that is not plain ASCII.
 *
 * Service objects are opened once per backend and never closed.  Callers have
 * an ASCII path in front of every call: ICU costs ten times as much.
 */
#ifndef CDP_ICU_H
#define CDP_ICU_H

#ifndef USE_ICU
#error "cdp needs a PostgreSQL that is built with ICU"
#endif

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* UTF-16 text that lives on the stack until it is longer than this */
#define ICU_STACK_CHARS 512

typedef struct IcuText
{
	UChar	   *chars;			/* stack_chars or palloc'd */
	int32_t		len;
	int32_t		size;
	UChar		stack_chars[ICU_STACK_CHARS];
} IcuText;

/* Raises an error when ICU failed; doing says at what ("normalize text") */
extern void IcuCheck(UErrorCode status, const char *doing);

/* Text from UTF-8; false when the bytes are not well-formed */
extern bool IcuFromUtf8(IcuText *text, const char *utf8, int len);

/*
 * UTF-8 of text into out, at most size bytes, without a zero byte.  Returns
 * the length, or -1 when it does not fit.
 */
extern int	IcuToUtf8(const IcuText *text, char *out, int size);

extern void IcuTextFree(IcuText *text);

/*
 * Canonical composition (NFC), compatibility decomposition (NFKD),
 * locale-independent lower case with full mappings
 */
extern void IcuNfc(const IcuText *in, IcuText *out);
extern void IcuNfkd(const IcuText *in, IcuText *out);
extern void IcuLower(const IcuText *in, IcuText *out);

/*
 * UTS #46: nontransitional, STD3 rules, bidi and joiner rules.  ASCII or
 * Unicode form of a whole domain; returns the UIDNA_ERROR_ bits.
 */
extern uint32_t IcuDomainToAscii(const IcuText *in, IcuText *out);
extern uint32_t IcuDomainToUnicode(const IcuText *in, IcuText *out);

#endif							/* CDP_ICU_H */
