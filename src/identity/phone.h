/*
 * phone.h
 *		Phone numbers: what was written -> E.164.
 *
 * Nothing here touches the backend's state: no memory is allocated, nothing is
 * reported, no setting is read.
 */
#ifndef CDP_PHONE_H
#define CDP_PHONE_H

/* "+", 15 digits, ";ext=", 4 digits, zero byte, rounded up */
#define PHONE_TEXT_SIZE 32

/*
 * Reads a phone number (UTF-8, len bytes).  region is the ISO 3166-1 alpha-2
 * code of the country whose national forms are accepted too, in either case;
 * NULL or an unknown code: international forms only.  False, with the reason
 * as a static text, when it is no valid number.
 */
extern bool PhoneParse(const char *text, int len, const char *region,
					   uint64 *phone, const char **reason);

/* The reason when a national number comes without a region */
extern const char phone_no_country[];

extern bool PhoneRegionExists(const char *region);

/* Canonical text, +48603115838 or +48221234567;ext=12; returns its length */
extern int	PhoneFormat(uint64 phone, char out[PHONE_TEXT_SIZE]);

/* Both steps */
extern bool PhoneCanonicalize(const char *text, int len, const char *region,
							  char out[PHONE_TEXT_SIZE], const char **reason);

/* The number without its extension */
extern uint64 PhoneSubscriber(uint64 phone);

/* Calling code; 0 when the value belongs to no plan */
extern int	PhoneCountryCode(uint64 phone);

/* Region, "001" for a calling code of no country; NULL when the number is not valid */
extern const char *PhoneRegionName(uint64 phone);

#endif							/* CDP_PHONE_H */
