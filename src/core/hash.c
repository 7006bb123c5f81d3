/*
 * hash.c
 *		SHA-256 (FIPS 180-4), without an allocation.
 *
 * The server's own (common/cryptohash.h) needs a context made and freed per
 * call, which costs twice the hashing of an identifier.
 */
#include "core/core.h"

#include "port/pg_bswap.h"

#include "core/hash.h"

static const uint32 round_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#define SUM0(x) (ROTR(x, 2) ^ ROTR(x, 13) ^ ROTR(x, 22))
#define SUM1(x) (ROTR(x, 6) ^ ROTR(x, 11) ^ ROTR(x, 25))
#define SIGMA0(x) (ROTR(x, 7) ^ ROTR(x, 18) ^ ((x) >> 3))
#define SIGMA1(x) (ROTR(x, 17) ^ ROTR(x, 19) ^ ((x) >> 10))

/* One round; the names of the variables turn instead of their values. */
#define ROUND(a, b, c, d, e, f, g, h, i) \
	do { \
		uint32 t = h + SUM1(e) + ((e & f) ^ (~e & g)) + round_constants[i] + w[i]; \
		d += t; \
		h = t + SUM0(a) + ((a & b) ^ (a & c) ^ (b & c)); \
	} while (0)

static void
HashBlock(Sha256 *sha, const uint8 *block)
{
	uint32		w[64];
	uint32		a = sha->state[0];
	uint32		b = sha->state[1];
	uint32		c = sha->state[2];
	uint32		d = sha->state[3];
	uint32		e = sha->state[4];
	uint32		f = sha->state[5];
	uint32		g = sha->state[6];
	uint32		h = sha->state[7];

	for (int i = 0; i < 16; i++)
	{
		uint32		word;

		memcpy(&word, block + i * 4, 4);
		w[i] = pg_ntoh32(word);
	}
	for (int i = 16; i < 64; i++)
		w[i] = SIGMA1(w[i - 2]) + w[i - 7] + SIGMA0(w[i - 15]) + w[i - 16];
	for (int i = 0; i < 64; i += 8)
	{
		ROUND(a, b, c, d, e, f, g, h, i);
		ROUND(h, a, b, c, d, e, f, g, i + 1);
		ROUND(g, h, a, b, c, d, e, f, i + 2);
		ROUND(f, g, h, a, b, c, d, e, i + 3);
		ROUND(e, f, g, h, a, b, c, d, i + 4);
		ROUND(d, e, f, g, h, a, b, c, i + 5);
		ROUND(c, d, e, f, g, h, a, b, i + 6);
		ROUND(b, c, d, e, f, g, h, a, i + 7);
	}
	sha->state[0] += a;
	sha->state[1] += b;
	sha->state[2] += c;
	sha->state[3] += d;
	sha->state[4] += e;
	sha->state[5] += f;
	sha->state[6] += g;
	sha->state[7] += h;
}

void
Sha256Init(Sha256 *sha)
{
	static const uint32 initial[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
	};

	memcpy(sha->state, initial, sizeof(initial));
	sha->length = 0;
}

void
Sha256Update(Sha256 *sha, const void *data, size_t len)
{
	const uint8 *p = data;
	size_t		used = sha->length % 64;

	sha->length += len;
	if (used > 0)
	{
		size_t		take = Min(len, 64 - used);

		memcpy(sha->block + used, p, take);
		p += take;
		len -= take;
		if (used + take < 64)
			return;
		HashBlock(sha, sha->block);
	}
	for (; len >= 64; p += 64, len -= 64)
		HashBlock(sha, p);
	memcpy(sha->block, p, len);
}

void
Sha256Final(Sha256 *sha, uint8 digest[SHA256_LENGTH])
{
	size_t		used = sha->length % 64;
	uint64		bits = pg_hton64(sha->length * 8);

	sha->block[used++] = 0x80;
	if (used > 56)
	{
		memset(sha->block + used, 0, 64 - used);
		HashBlock(sha, sha->block);
		used = 0;
	}
	memset(sha->block + used, 0, 56 - used);
	memcpy(sha->block + 56, &bits, 8);
	HashBlock(sha, sha->block);
	for (int i = 0; i < 8; i++)
	{
		uint32		word = pg_hton32(sha->state[i]);

		memcpy(digest + i * 4, &word, 4);
	}
}

void
HashKey(pg_uuid_t *key, const void *a, size_t a_len, const void *b, size_t b_len)
{
	Sha256		sha;
	uint8		digest[SHA256_LENGTH];

	Sha256Init(&sha);
	Sha256Update(&sha, a, a_len);
	Sha256Update(&sha, "", 1);
	Sha256Update(&sha, b, b_len);
	Sha256Final(&sha, digest);
	memcpy(key->data, digest, UUID_LEN);
}
