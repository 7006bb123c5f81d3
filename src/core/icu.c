/*
 * icu.c
 *		ICU for text that is not plain ASCII.
 */
#include "core/core.h"

#include "core/icu.h"

void
IcuCheck(UErrorCode status, const char *doing)
{
	if (U_FAILURE(status))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("ICU could not %s: %s", doing, u_errorName(status))));
}

static void
IcuTextInit(IcuText *text)
{
	text->chars = text->stack_chars;
	text->size = ICU_STACK_CHARS;
	text->len = 0;
}

static void
IcuTextGrow(IcuText *text, int32_t size)
{
	IcuTextFree(text);
	text->chars = palloc(sizeof(UChar) * (Size) size);
	text->size = size;
}

void
IcuTextFree(IcuText *text)
{
	if (text->chars != text->stack_chars)
		pfree(text->chars);
	IcuTextInit(text);
}

bool
IcuFromUtf8(IcuText *text, const char *utf8, int len)
{
	UErrorCode	status = U_ZERO_ERROR;

	IcuTextInit(text);
	/* a byte of UTF-8 gives at most one UTF-16 unit */
	if (len > text->size)
		IcuTextGrow(text, len);
	u_strFromUTF8(text->chars, text->size, &text->len, utf8, len, &status);
	if (status == U_INVALID_CHAR_FOUND)
		return false;
	IcuCheck(status, "convert text from UTF-8");
	return true;
}

int
IcuToUtf8(const IcuText *text, char *out, int size)
{
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		len;

	u_strToUTF8(out, size, &len, text->chars, text->len, &status);
	if (status == U_BUFFER_OVERFLOW_ERROR)
		return -1;
	IcuCheck(status, "convert text to UTF-8");
	return len;
}

static void
Normalize(const UNormalizer2 *normalizer, const IcuText *in, IcuText *out)
{
	UErrorCode	status = U_ZERO_ERROR;

	IcuTextInit(out);
	out->len = unorm2_normalize(normalizer, in->chars, in->len, out->chars, out->size, &status);
	if (status == U_BUFFER_OVERFLOW_ERROR)
	{
		int32_t		needed = out->len;

		status = U_ZERO_ERROR;
		IcuTextGrow(out, needed);
		out->len = unorm2_normalize(normalizer, in->chars, in->len, out->chars, out->size, &status);
	}
	IcuCheck(status, "normalize text");
}

void
IcuNfc(const IcuText *in, IcuText *out)
{
	static const UNormalizer2 *nfc = NULL;

	if (nfc == NULL)
	{
		UErrorCode	status = U_ZERO_ERROR;

		nfc = unorm2_getNFCInstance(&status);
		if (U_FAILURE(status))
			nfc = NULL;
		IcuCheck(status, "open the normalizer");
	}
	Normalize(nfc, in, out);
}

void
IcuNfkd(const IcuText *in, IcuText *out)
{
	static const UNormalizer2 *nfkd = NULL;

	if (nfkd == NULL)
	{
		UErrorCode	status = U_ZERO_ERROR;

		nfkd = unorm2_getNFKDInstance(&status);
		if (U_FAILURE(status))
			nfkd = NULL;
		IcuCheck(status, "open the normalizer");
	}
	Normalize(nfkd, in, out);
}

void
IcuLower(const IcuText *in, IcuText *out)
{
	UErrorCode	status = U_ZERO_ERROR;

	IcuTextInit(out);
	out->len = u_strToLower(out->chars, out->size, in->chars, in->len, "", &status);
	if (status == U_BUFFER_OVERFLOW_ERROR)
	{
		int32_t		needed = out->len;

		status = U_ZERO_ERROR;
		IcuTextGrow(out, needed);
		out->len = u_strToLower(out->chars, out->size, in->chars, in->len, "", &status);
	}
	IcuCheck(status, "convert text to lower case");
}

typedef int32_t (*DomainFunction) (const UIDNA *, const UChar *, int32_t, UChar *, int32_t,
								   UIDNAInfo *, UErrorCode *);

static uint32_t
ConvertDomain(DomainFunction convert, const IcuText *in, IcuText *out)
{
	static UIDNA *idna = NULL;
	UErrorCode	status = U_ZERO_ERROR;
	UIDNAInfo	info = UIDNA_INFO_INITIALIZER;

	IcuTextInit(out);
	if (idna == NULL)
	{
		idna = uidna_openUTS46(UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
							   UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
							   &status);
		if (U_FAILURE(status))
			idna = NULL;
		IcuCheck(status, "open the rules of domain names");
	}
	out->len = convert(idna, in->chars, in->len, out->chars, out->size, &info, &status);
	if (status == U_BUFFER_OVERFLOW_ERROR)
	{
		int32_t		needed = out->len;

		status = U_ZERO_ERROR;
		IcuTextGrow(out, needed);
		out->len = convert(idna, in->chars, in->len, out->chars, out->size, &info, &status);
	}
	IcuCheck(status, "convert a domain name");
	return info.errors;
}

uint32_t
IcuDomainToAscii(const IcuText *in, IcuText *out)
{
	return ConvertDomain(uidna_nameToASCII, in, out);
}

uint32_t
IcuDomainToUnicode(const IcuText *in, IcuText *out)
{
	return ConvertDomain(uidna_nameToUnicode, in, out);
}
