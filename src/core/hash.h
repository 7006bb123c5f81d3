/*
 * hash.h
 *		SHA-256 and the 128-bit keys cut from it.
 */
#ifndef CDP_HASH_H
#define CDP_HASH_H

#define SHA256_LENGTH 32

typedef struct Sha256
{
	uint32		state[8];
	uint64		length;			/* bytes so far */
	uint8		block[64];
} Sha256;

extern void Sha256Init(Sha256 *sha);
extern void Sha256Update(Sha256 *sha, const void *data, size_t len);
extern void Sha256Final(Sha256 *sha, uint8 digest[SHA256_LENGTH]);

/* first 128 bits of SHA-256 over a, a zero byte and b */
extern void HashKey(pg_uuid_t *key, const void *a, size_t a_len, const void *b, size_t b_len);

static inline int
CompareUuid(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a->data, b->data, UUID_LEN);
}

#endif							/* CDP_HASH_H */
