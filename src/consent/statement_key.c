/*
 * statement_key.c
 *		The key by which a repeated statement of consent is known: the first 128
 *		bits of SHA-256 over what was said.
 *
 *		16 bytes	anchor
 *		 8 bytes	occurred_at, microseconds since 2000-01-01 UTC, big-endian
 *		 1 byte		1 when it expires, else 0
 *		 8 bytes	expires_at, or zeros
 *		n + 1		name of the purpose and a zero byte
 *		n + 1		status and a zero byte
 *		1 + n		1 and the channel, or 0 when there is none
 */
#include "core/core.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "port/pg_bswap.h"

#include "consent/statement_key.h"

void
ConsentStatementKey(const ConsentContent *statement, pg_uuid_t *key)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	uint64		occurred_at = pg_hton64((uint64) statement->occurred_at);
	uint64		expires_at = pg_hton64(statement->has_expiry ? (uint64) statement->expires_at : 0);
	uint8		has_expiry = statement->has_expiry ? 1 : 0;
	uint8		has_channel = statement->channel != NULL ? 1 : 0;
	const uint8 zero = 0;
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL ||
		pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, statement->anchor->data, UUID_LEN) < 0 ||
		pg_cryptohash_update(context, (uint8 *) &occurred_at, sizeof(occurred_at)) < 0 ||
		pg_cryptohash_update(context, &has_expiry, 1) < 0 ||
		pg_cryptohash_update(context, (uint8 *) &expires_at, sizeof(expires_at)) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) statement->purpose,
							 statement->purpose_length) < 0 ||
		pg_cryptohash_update(context, &zero, 1) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) statement->status,
							 statement->status_length) < 0 ||
		pg_cryptohash_update(context, &zero, 1) < 0 ||
		pg_cryptohash_update(context, &has_channel, 1) < 0 ||
		(has_channel && pg_cryptohash_update(context, (const uint8 *) statement->channel,
											 statement->channel_length) < 0) ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute the key of a statement of consent")));
	pg_cryptohash_free(context);
	memcpy(key->data, digest, UUID_LEN);
}

PG_FUNCTION_INFO_V1(cdp_statement_key);

/* statement_key(anchor, purpose, status, occurred_at, channel, expires_at) */
Datum
cdp_statement_key(PG_FUNCTION_ARGS)
{
	ConsentContent statement = {0};
	text	   *purpose;
	text	   *status;
	pg_uuid_t  *key;

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	purpose = PG_GETARG_TEXT_PP(1);
	status = PG_GETARG_TEXT_PP(2);
	statement.anchor = PG_GETARG_UUID_P(0);
	statement.purpose = VARDATA_ANY(purpose);
	statement.purpose_length = VARSIZE_ANY_EXHDR(purpose);
	statement.status = VARDATA_ANY(status);
	statement.status_length = VARSIZE_ANY_EXHDR(status);
	statement.occurred_at = PG_GETARG_TIMESTAMPTZ(3);
	if (!PG_ARGISNULL(4))
	{
		text	   *channel = PG_GETARG_TEXT_PP(4);

		statement.channel = VARDATA_ANY(channel);
		statement.channel_length = VARSIZE_ANY_EXHDR(channel);
	}
	if (!PG_ARGISNULL(5))
	{
		statement.has_expiry = true;
		statement.expires_at = PG_GETARG_TIMESTAMPTZ(5);
	}
	key = palloc(sizeof(pg_uuid_t));
	ConsentStatementKey(&statement, key);
	PG_RETURN_UUID_P(key);
}
