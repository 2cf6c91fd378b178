/* Searches that go through a log at the speed of memory.
 *
 * glibc's memmem takes one byte after the other for words as short as these, and memchr stops at each byte of a log that
 * is in every line. So sixteen or thirty-two bytes are looked at together, where the processor can. */
#ifndef AUDIT2SECCOMP_SEARCH_H
#define AUDIT2SECCOMP_SEARCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define WITH_AVX2 1
#endif

/* Whether one of "aud", "aui" and "ssa" begins here: what begins or stands in each word that is looked for. */
static inline int word_begins(const unsigned char *at) {
    return (at[0] == 'a' && at[1] == 'u' && (at[2] == 'd' || at[2] == 'i')) ||
           (at[0] == 's' && at[1] == 's' && at[2] == 'a');
}

static inline const unsigned char *find_word_by_bytes(const unsigned char *at, const unsigned char *end) {
    for (; end - at >= 3; at++)
        if (word_begins(at))
            return at;
    return NULL;
}

#ifdef __SSE2__
static inline const unsigned char *find_word_sse2(const unsigned char *at, const unsigned char *end) {
    const __m128i a = _mm_set1_epi8('a'), u = _mm_set1_epi8('u'), d = _mm_set1_epi8('d'), i = _mm_set1_epi8('i'),
                  s = _mm_set1_epi8('s');
    for (; end - at >= 18; at += 16) {
        const __m128i first = _mm_loadu_si128((const __m128i *)at), second = _mm_loadu_si128((const __m128i *)(at + 1)),
                      third = _mm_loadu_si128((const __m128i *)(at + 2));
        const __m128i audi = _mm_and_si128(_mm_and_si128(_mm_cmpeq_epi8(first, a), _mm_cmpeq_epi8(second, u)),
                                           _mm_or_si128(_mm_cmpeq_epi8(third, d), _mm_cmpeq_epi8(third, i)));
        const __m128i ssa = _mm_and_si128(_mm_and_si128(_mm_cmpeq_epi8(first, s), _mm_cmpeq_epi8(second, s)),
                                          _mm_cmpeq_epi8(third, a));
        const int found = _mm_movemask_epi8(_mm_or_si128(audi, ssa));
        if (found)
            return at + __builtin_ctz((unsigned)found);
    }
    return find_word_by_bytes(at, end);
}
#endif

#ifdef WITH_AVX2
__attribute__((target("avx2"))) static const unsigned char *find_word_avx2(const unsigned char *at,
                                                                           const unsigned char *end) {
    const __m256i a = _mm256_set1_epi8('a'), u = _mm256_set1_epi8('u'), d = _mm256_set1_epi8('d'),
                  i = _mm256_set1_epi8('i'), s = _mm256_set1_epi8('s');
    for (; end - at >= 34; at += 32) {
        const __m256i first = _mm256_loadu_si256((const __m256i *)at),
                      second = _mm256_loadu_si256((const __m256i *)(at + 1)),
                      third = _mm256_loadu_si256((const __m256i *)(at + 2));
        const __m256i audi =
            _mm256_and_si256(_mm256_and_si256(_mm256_cmpeq_epi8(first, a), _mm256_cmpeq_epi8(second, u)),
                             _mm256_or_si256(_mm256_cmpeq_epi8(third, d), _mm256_cmpeq_epi8(third, i)));
        const __m256i ssa = _mm256_and_si256(
            _mm256_and_si256(_mm256_cmpeq_epi8(first, s), _mm256_cmpeq_epi8(second, s)), _mm256_cmpeq_epi8(third, a));
        const unsigned found = (unsigned)_mm256_movemask_epi8(_mm256_or_si256(audi, ssa));
        if (found)
            return at + __builtin_ctz(found);
    }
    return find_word_sse2(at, end);
}
#endif

/* The first place from `at` on where one of these words begins; NULL if there is none before `end`. */
static inline const unsigned char *find_word(const unsigned char *at, const unsigned char *end) {
#ifdef WITH_AVX2
    if (__builtin_cpu_supports("avx2"))
        return find_word_avx2(at, end);
#endif
#ifdef __SSE2__
    return find_word_sse2(at, end);
#else
    return find_word_by_bytes(at, end);
#endif
}

#define OUTLINE_STEP 32

/* Whether a line begins otherwise than an outline: `text` where `fixed` is 0xff, and a digit where `digit` is 0xff.
 * `size` is a multiple of OUTLINE_STEP, and so many bytes must be there; where both are 0 any byte will do. */
static inline int unlike(const unsigned char *line, const unsigned char *text, const unsigned char *fixed,
                         const unsigned char *digit, size_t size) {
    for (size_t start = 0; start < size; start += OUTLINE_STEP) {
        unsigned char wrong = 0;
        for (size_t i = start; i < start + OUTLINE_STEP; i++)
            wrong |= ((line[i] ^ text[i]) & fixed[i]) |
                     (((unsigned char)(line[i] - '0') > 9 ? 0xff : 0) & digit[i]);
        if (wrong)
            return 1;
    }
    return 0;
}

/* How many newlines stand there. */
static inline size_t newlines(const unsigned char *at, const unsigned char *end) {
    size_t count = 0;
    while (end - at >= 128) { /* so few that a byte can count them, which the compiler does for many at a time */
        unsigned char some = 0;
        for (int i = 0; i < 128; i++)
            some += at[i] == '\n';
        count += some;
        at += 128;
    }
    for (; at < end; at++)
        count += *at == '\n';
    return count;
}

static inline uint64_t word64(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* A hash of some bytes, going on from another one. Whoever runs the recorded program writes these bytes: the seed keeps
 * him from choosing what collides, and the table looks only a few places far. */
static inline uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static inline uint64_t hash_bytes(uint64_t hash, const unsigned char *at, size_t size) {
    hash ^= size;
    for (; size >= 8; at += 8, size -= 8)
        hash = mix(hash, word64(at));
    if (size) {
        uint64_t word = 0;
        memcpy(&word, at, size);
        hash = mix(hash, word);
    }
    return hash;
}
#endif
