/*
 * tc_decode.h
 *		IAB TCF consent strings, read in place.
 */
#ifndef CDP_TC_DECODE_H
#define CDP_TC_DECODE_H

#define TC_MAX_LENGTH (1024 * 1024)
#define TC_MAX_VENDOR_ID 65535
#define TC_PURPOSES 24
#define TC_SPECIAL_FEATURES 12
/* a set of vendors as bits, bit id % 8 of byte id / 8 */
#define TC_VENDOR_SET_SIZE ((TC_MAX_VENDOR_ID + 1) / 8)

/* Bits of one segment: six a character, the highest first. */
typedef struct TcBits
{
	const char *text;			/* first character of the segment */
	int			end;			/* bits in the segment */
	int			position;		/* next bit */
	int			offset;			/* of the segment in the string, in characters */
	const char *error;			/* the first thing found wrong, or NULL */
	int			error_at;		/* character, from 1 */
} TcBits;

/* Vendors, as a bit field or as ranges. */
typedef struct TcVendors
{
	bool		is_present;
	bool		is_range;
	bool		has_default;	/* version 1 range: vendors that are not listed have this answer */
	bool		default_consent;
	int			max_vendor_id;	/* 0: none given (publisher restrictions) */
	int			num_entries;
	TcBits		bits;			/* at the bit field or the first entry */
} TcVendors;

typedef enum TcRestrictionType
{
	TC_NOT_ALLOWED,
	TC_REQUIRE_CONSENT,
	TC_REQUIRE_INTEREST,
	TC_RESERVED
} TcRestrictionType;

typedef struct TcRestriction
{
	int			purpose_id;
	TcRestrictionType type;
	TcVendors	vendors;
} TcRestriction;

typedef struct TcString
{
	int			version;
	int64		created;		/* tenths of a second since 1970 */
	int64		last_updated;
	int			cmp_id;
	int			cmp_version;
	int			consent_screen;
	char		consent_language[3];
	int			vendor_list_version;
	int			policy_version;
	bool		is_service_specific;
	bool		use_non_standard_texts;
	uint32		special_feature_optins; /* bit n - 1: feature n; the same below */
	uint32		purpose_consents;
	uint32		purpose_legitimate_interests;
	bool		purpose_one_treatment;
	char		publisher_cc[3];
	TcVendors	vendor_consents;
	TcVendors	vendor_legitimate_interests;
	int			num_restrictions;
	TcBits		restrictions;	/* at the first */
	TcVendors	disclosed_vendors;
	TcVendors	allowed_vendors;
	bool		has_publisher_tc;
	uint32		publisher_consents;
	uint32		publisher_legitimate_interests;
	int			num_custom_purposes;
	uint64		custom_consents;
	uint64		custom_legitimate_interests;
	int			num_unknown_segments;
	uint8		unknown_segments[16];	/* types, the first of them */
} TcString;

typedef struct TcError
{
	const char *reason;
	int			at;				/* character, from 1 */
} TcError;

extern bool TcDecode(const char *text, int len, TcString *tc, TcError *error);
extern bool TcHasVendor(const TcVendors *vendors, int vendor_id);
extern void TcVendorSet(const TcVendors *vendors, uint8 *set);
extern void TcNextRestriction(TcBits *bits, TcRestriction *restriction);
extern bool TcAllows(const TcString *tc, int purpose, int vendor_id);

#endif							/* CDP_TC_DECODE_H */
