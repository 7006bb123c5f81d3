/*
 * tc_decode.c
 *		IAB TCF consent strings, versions 2 and 1, read strictly and in place:
 *		nothing is allocated, no error is raised, any bytes may come.
 *
 * A string is base64url segments parted by dots, each a row of bits, six a
 * character, the highest first.  The core comes first:
 *
 *	 6 version (2)			12 special feature opt-ins
 *	36 created				24 purpose consents
 *	36 last updated			24 purpose legitimate interests
 *	12 CMP id				 1 purpose one treatment
 *	12 CMP version			12 publisher's country, 2 letters
 *	 6 consent screen		   vendor consents
 *	12 language, 2 letters	   vendor legitimate interests
 *	12 vendor list version	12 number of publisher restrictions, each
 *	 6 policy version			6 purpose, 2 type, entries
 *	 1 is service specific
 *	 1 non-standard texts
 *
 * Vendors are 16 highest id, 1 is range, then a bit per id or entries;
 * entries are 12 number, each 1 is range, 16 id [, 16 last id].
 * The other segments open with 3 bits of type: 1 disclosed vendors, 2 allowed
 * vendors, 3 publisher TC (24 consents, 24 interests, 6 n, n, n).
 *
 * Version 1 is one segment: up to vendor list version as above, 24 purposes,
 * vendors; a range has a bit before its entries, the answer of those that are
 * not listed.
 */
#include "core/core.h"

#include "consent/tc_decode.h"

/* Value of a base64url character, or -1. */
static inline int
SixBits(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static void
Fail(TcBits *bits, const char *reason)
{
	if (bits->error)
		return;
	bits->error = reason;
	bits->error_at = bits->offset + bits->position / 6 + 1;
}

/* The next count bits, at most 36, as a number; 0 when they are not there. */
static uint64
Take(TcBits *bits, int count)
{
	uint64		value = 0;

	if (bits->error || count > bits->end - bits->position)
	{
		Fail(bits, "the string ends too early");
		return 0;
	}
	while (count > 0)
	{
		int			left = 6 - bits->position % 6;
		int			take = Min(left, count);
		int			six = SixBits(bits->text[bits->position / 6]);

		value = value << take | ((six >> (left - take)) & ((1 << take) - 1));
		bits->position += take;
		count -= take;
	}
	return value;
}

static void
Skip(TcBits *bits, int count)
{
	if (bits->error || count > bits->end - bits->position)
		Fail(bits, "the string ends too early");
	else
		bits->position += count;
}

/* Flags 1 to count, written first to last, as bits 0 to count - 1. */
static uint64
TakeFlags(TcBits *bits, int count)
{
	uint64		flags = 0;

	for (int i = 0; i < count; i++)
		flags |= Take(bits, 1) << i;
	return flags;
}

static void
TakeLetters(TcBits *bits, char *letters)
{
	for (int i = 0; i < 2; i++)
	{
		int			letter = Take(bits, 6);

		if (letter > 25)
			Fail(bits, "a code of two letters has a letter beyond Z");
		letters[i] = 'A' + Min(letter, 25);
	}
	letters[2] = '\0';
}

static void
TakeEntry(TcBits *bits, int *first, int *last)
{
	bool		is_range = Take(bits, 1);

	*first = Take(bits, 16);
	*last = is_range ? (int) Take(bits, 16) : *first;
}

static void
TakeEntries(TcBits *bits, TcVendors *vendors)
{
	vendors->num_entries = Take(bits, 12);
	vendors->bits = *bits;
	for (int i = 0; i < vendors->num_entries && !bits->error; i++)
	{
		int			first;
		int			last;

		TakeEntry(bits, &first, &last);
		if (bits->error)
			return;
		if (first == 0)
			Fail(bits, "a vendor has id 0");
		else if (last < first)
			Fail(bits, "a range of vendors ends before it begins");
		else if (vendors->max_vendor_id > 0 && last > vendors->max_vendor_id)
			Fail(bits, "a vendor's id is above the highest that is announced");
	}
}

static void
TakeVendors(TcBits *bits, TcVendors *vendors, int version)
{
	vendors->is_present = true;
	vendors->max_vendor_id = Take(bits, 16);
	vendors->is_range = Take(bits, 1);
	if (!vendors->is_range)
	{
		vendors->bits = *bits;
		Skip(bits, vendors->max_vendor_id);
		return;
	}
	if (version == 1)
	{
		vendors->has_default = true;
		vendors->default_consent = Take(bits, 1);
	}
	TakeEntries(bits, vendors);
	if (vendors->num_entries > 0 && vendors->max_vendor_id == 0)
		Fail(bits, "a vendor's id is above the highest that is announced");
}

/* Reads a restriction; bits are at its first bit, and then behind its last. */
void
TcNextRestriction(TcBits *bits, TcRestriction *restriction)
{
	memset(restriction, 0, sizeof(TcRestriction));
	restriction->purpose_id = Take(bits, 6);
	restriction->type = (TcRestrictionType) Take(bits, 2);
	restriction->vendors.is_present = true;
	restriction->vendors.is_range = true;
	TakeEntries(bits, &restriction->vendors);
}

/* Behind the last field there is nothing but zero bits, to fill bytes. */
static void
TakeEnd(TcBits *bits)
{
	while (!bits->error && bits->position < bits->end)
		if (Take(bits, Min(30, bits->end - bits->position)) != 0)
			Fail(bits, "bits are left behind the last field");
}

static void
DecodeCore(TcBits *bits, TcString *tc)
{
	tc->version = Take(bits, 6);
	if (!bits->error && tc->version != 1 && tc->version != 2)
	{
		Fail(bits, "the version is neither 1 nor 2");
		return;
	}
	tc->created = Take(bits, 36);
	tc->last_updated = Take(bits, 36);
	tc->cmp_id = Take(bits, 12);
	tc->cmp_version = Take(bits, 12);
	tc->consent_screen = Take(bits, 6);
	TakeLetters(bits, tc->consent_language);
	tc->vendor_list_version = Take(bits, 12);
	if (tc->version == 1)
	{
		tc->purpose_consents = TakeFlags(bits, TC_PURPOSES);
		TakeVendors(bits, &tc->vendor_consents, 1);
		TakeEnd(bits);
		return;
	}
	tc->policy_version = Take(bits, 6);
	tc->is_service_specific = Take(bits, 1);
	tc->use_non_standard_texts = Take(bits, 1);
	tc->special_feature_optins = TakeFlags(bits, TC_SPECIAL_FEATURES);
	tc->purpose_consents = TakeFlags(bits, TC_PURPOSES);
	tc->purpose_legitimate_interests = TakeFlags(bits, TC_PURPOSES);
	tc->purpose_one_treatment = Take(bits, 1);
	TakeLetters(bits, tc->publisher_cc);
	TakeVendors(bits, &tc->vendor_consents, 2);
	TakeVendors(bits, &tc->vendor_legitimate_interests, 2);
	tc->num_restrictions = Take(bits, 12);
	tc->restrictions = *bits;
	for (int i = 0; i < tc->num_restrictions && !bits->error; i++)
	{
		TcRestriction restriction;

		TcNextRestriction(bits, &restriction);
	}
	TakeEnd(bits);
}

static void
DecodeVendorSegment(TcBits *bits, TcVendors *vendors)
{
	if (vendors->is_present)
	{
		Fail(bits, "a segment stands twice");
		return;
	}
	TakeVendors(bits, vendors, 2);
	TakeEnd(bits);
}

static void
DecodePublisher(TcBits *bits, TcString *tc)
{
	if (tc->has_publisher_tc)
	{
		Fail(bits, "a segment stands twice");
		return;
	}
	tc->has_publisher_tc = true;
	tc->publisher_consents = TakeFlags(bits, TC_PURPOSES);
	tc->publisher_legitimate_interests = TakeFlags(bits, TC_PURPOSES);
	tc->num_custom_purposes = Take(bits, 6);
	tc->custom_consents = TakeFlags(bits, tc->num_custom_purposes);
	tc->custom_legitimate_interests = TakeFlags(bits, tc->num_custom_purposes);
	TakeEnd(bits);
}

static void
DecodeSegment(TcBits *bits, TcString *tc)
{
	int			type;

	if (tc->version == 1)
	{
		Fail(bits, "a string of version 1 has one segment");
		return;
	}
	type = Take(bits, 3);
	switch (type)
	{
		case 0:
			Fail(bits, "a second core segment");
			break;
		case 1:
			DecodeVendorSegment(bits, &tc->disclosed_vendors);
			break;
		case 2:
			DecodeVendorSegment(bits, &tc->allowed_vendors);
			break;
		case 3:
			DecodePublisher(bits, tc);
			break;
		default:
			/* reserved: passed over, as the specification asks */
			if (tc->num_unknown_segments < lengthof(tc->unknown_segments))
				tc->unknown_segments[tc->num_unknown_segments++] = type;
			break;
	}
}

/*
 * Reads a string.  *tc points into text, which must live as long.  Returns
 * false with a reason when it is no TC string.
 */
bool
TcDecode(const char *text, int len, TcString *tc, TcError *error)
{
	int			start = 0;

	memset(tc, 0, sizeof(TcString));
	if (len > TC_MAX_LENGTH)
	{
		error->reason = "the string is longer than 1 MB";
		error->at = TC_MAX_LENGTH + 1;
		return false;
	}
	do
	{
		TcBits		bits = {0};
		int			end = start;

		while (end < len && text[end] != '.' && SixBits(text[end]) >= 0)
			end++;
		bits.text = text + start;
		bits.offset = start;
		bits.end = (end - start) * 6;
		if (end < len && text[end] != '.')
		{
			bits.position = bits.end;
			Fail(&bits, "a character is not of the base64url alphabet");
		}
		else if (end == start)
			Fail(&bits, "a segment is empty");
		else if (start == 0)
			DecodeCore(&bits, tc);
		else
			DecodeSegment(&bits, tc);
		if (bits.error)
		{
			error->reason = bits.error;
			error->at = bits.error_at;
			return false;
		}
		start = end + 1;
	} while (start <= len);
	return true;
}

/* Is the vendor in the set?  Of a string that was decoded. */
bool
TcHasVendor(const TcVendors *vendors, int vendor_id)
{
	TcBits		bits = vendors->bits;

	if (!vendors->is_present || vendor_id < 1)
		return false;
	if (vendors->max_vendor_id > 0 && vendor_id > vendors->max_vendor_id)
		return false;
	if (!vendors->is_range)
	{
		if (vendor_id > vendors->max_vendor_id)
			return false;
		bits.position += vendor_id - 1;
		return Take(&bits, 1) != 0;
	}
	for (int i = 0; i < vendors->num_entries; i++)
	{
		int			first;
		int			last;

		TakeEntry(&bits, &first, &last);
		if (vendor_id >= first && vendor_id <= last)
			return !(vendors->has_default && vendors->default_consent);
	}
	return vendors->has_default && vendors->default_consent && vendor_id <= vendors->max_vendor_id;
}

/* Sets the bits first to last, whole bytes at a time. */
static void
FillRange(uint8 *set, int first, int last)
{
	while (first <= last && first % 8 != 0)
	{
		set[first / 8] |= 1 << first % 8;
		first++;
	}
	if (last - first >= 8)
	{
		int			bytes = (last - first) / 8;

		memset(set + first / 8, 0xff, bytes);
		first += bytes * 8;
	}
	for (; first <= last; first++)
		set[first / 8] |= 1 << first % 8;
}

/* All vendors of a set as bits; set has TC_VENDOR_SET_SIZE bytes. */
void
TcVendorSet(const TcVendors *vendors, uint8 *set)
{
	TcBits		bits = vendors->bits;

	memset(set, 0, TC_VENDOR_SET_SIZE);
	if (!vendors->is_range)
	{
		for (int id = 1; id <= vendors->max_vendor_id; id++)
			if (Take(&bits, 1))
				set[id / 8] |= 1 << id % 8;
		return;
	}
	for (int i = 0; i < vendors->num_entries; i++)
	{
		int			first;
		int			last;

		TakeEntry(&bits, &first, &last);
		FillRange(set, first, last);
	}
	if (vendors->has_default && vendors->default_consent)
		for (int id = 1; id <= vendors->max_vendor_id; id++)
			set[id / 8] ^= 1 << id % 8;
}

/*
 * May the vendor work for the purpose?  By consent (the person's to purpose
 * and vendor) or by legitimate interest (both not objected to), unless the
 * publisher restricts it, and only if the vendor was disclosed where the
 * string tells who was.  Vendor 0: has the person consented to the purpose?
 */
bool
TcAllows(const TcString *tc, int purpose, int vendor_id)
{
	uint32		flag = (uint32) 1 << (purpose - 1);
	bool		by_consent = (tc->purpose_consents & flag) != 0;
	bool		by_interest = (tc->purpose_legitimate_interests & flag) != 0;
	TcBits		bits = tc->restrictions;

	if (vendor_id == 0)
		return by_consent;
	by_consent = by_consent && TcHasVendor(&tc->vendor_consents, vendor_id);
	by_interest = by_interest && TcHasVendor(&tc->vendor_legitimate_interests, vendor_id);
	/* storing on the device never, and personal advertising and content no more since policy 4 */
	if (purpose == 1 || (purpose >= 3 && purpose <= 6 && tc->policy_version >= 4))
		by_interest = false;
	if (tc->disclosed_vendors.is_present && !TcHasVendor(&tc->disclosed_vendors, vendor_id))
		return false;
	for (int i = 0; i < tc->num_restrictions && (by_consent || by_interest); i++)
	{
		TcRestriction restriction;

		TcNextRestriction(&bits, &restriction);
		if (restriction.purpose_id != purpose || !TcHasVendor(&restriction.vendors, vendor_id))
			continue;
		if (restriction.type == TC_NOT_ALLOWED || restriction.type == TC_RESERVED)
			return false;
		if (restriction.type == TC_REQUIRE_CONSENT)
			by_interest = false;
		else
			by_consent = false;
	}
	return by_consent || by_interest;
}
