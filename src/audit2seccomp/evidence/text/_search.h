/* Searches that go through a log at the speed of memory.
 *
 * glibc's memmem takes one byte after the other for words as short as these, and memchr stops at each byte of a log that
 * is in every line. So sixteen or thirty-two bytes are looked at together, where the processor can. */
#ifndef AUDIT2SECCOMP_SEARCH_H
#define AUDIT2SECCOMP_SEARCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif
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

/* Whether a byte is a hexadecimal digit in lower case. A table, because no processor can foresee which digits an address
 * has. */
static const unsigned char HEX_DIGITS[256] = {
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
    ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1,
};

static inline int is_hex(unsigned char byte) { return HEX_DIGITS[byte]; }

/* How many digits of such a number end in front of `end`, at most 16; from `start` on bytes may be read. Counted without
 * a loop, because no processor can foresee where an address ends. */
static inline int hex_digits_before(const unsigned char *end, const unsigned char *start) {
#ifdef __SSE2__
    if (end - start >= 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(end - 16)),
                      digit = _mm_sub_epi8(bytes, _mm_set1_epi8('0')), letter = _mm_sub_epi8(bytes, _mm_set1_epi8('a'));
        const __m128i hex = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit),
                                         _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter));
        const unsigned others = ~(unsigned)_mm_movemask_epi8(hex) & 0xffff;
        return others ? __builtin_clz(others << 16) : 16;
    }
#endif
    int count = 0;
    while (count < 16 && end - start > count && is_hex(end[-1 - count]))
        count++;
    return count;
}

/* How many decimal digits stand from `at` on, at most 16. */
static inline int digits_at(const unsigned char *at, const unsigned char *end) {
#ifdef __SSE2__
    if (end - at >= 16) {
        const __m128i digit = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)at), _mm_set1_epi8('0'));
        const unsigned others =
            ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)) & 0xffff;
        return others ? __builtin_ctz(others) : 16;
    }
#endif
    int count = 0;
    while (count < 16 && end - at > count && (unsigned char)(at[count] - '0') <= 9)
        count++;
    return count;
}

/* memcmp() == 0, without a call: texts are short. The last bytes are compared together with some in front of them, so
 * that texts of nearly the same size take the same way, which the processor can foresee. */
#ifdef __SSE2__
static inline __m128i unlike16(const unsigned char *one, const unsigned char *other) {
    return _mm_xor_si128(_mm_loadu_si128((const __m128i *)one), _mm_loadu_si128((const __m128i *)other));
}

static inline __m128i unlike32(const unsigned char *one, const unsigned char *other) {
    return _mm_or_si128(unlike16(one, other), unlike16(one + 16, other + 16));
}
#endif

static inline int same_bytes(const unsigned char *one, const unsigned char *other, size_t size) {
#ifdef __SSE2__
    __m128i unlike;
    if (size >= 64) {
        const size_t last = size - 64;
        unlike = _mm_or_si128(unlike32(one + last, other + last), unlike32(one + last + 32, other + last + 32));
        for (size_t at = 0; at < last; at += 64)
            unlike = _mm_or_si128(unlike, _mm_or_si128(unlike32(one + at, other + at),
                                                       unlike32(one + at + 32, other + at + 32)));
    } else if (size >= 32) {
        unlike = _mm_or_si128(unlike32(one, other), unlike32(one + size - 32, other + size - 32));
    } else if (size >= 16) {
        unlike = _mm_or_si128(unlike16(one, other), unlike16(one + size - 16, other + size - 16));
    } else {
        return memcmp(one, other, size) == 0;
    }
    return _mm_movemask_epi8(_mm_cmpeq_epi8(unlike, _mm_setzero_si128())) == 0xffff;
#else
    return memcmp(one, other, size) == 0;
#endif
}

/* That some bytes will soon be looked at. */
static inline void will_read(const void *at) { __builtin_prefetch(at); }

#define OUTLINE_STEP 32

/* Whether a line begins otherwise than an outline: `text` where `fixed` is 0xff, and a digit where `digit` is 0xff.
 * `size` is a multiple of OUTLINE_STEP, and so many bytes must be there; where both are 0 any byte will do. */
static inline int unlike(const unsigned char *line, const unsigned char *text, const unsigned char *fixed,
                         const unsigned char *digit, size_t size) {
#ifdef __SSE2__
    const __m128i zero = _mm_setzero_si128(), zeros = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    for (size_t start = 0; start < size; start += OUTLINE_STEP) {
        __m128i wrong = zero;
        for (size_t i = start; i < start + OUTLINE_STEP; i += 16) {
            const __m128i bytes = _mm_loadu_si128((const __m128i *)(line + i));
            const __m128i other = _mm_xor_si128(bytes, _mm_loadu_si128((const __m128i *)(text + i))),
                          above = _mm_subs_epu8(_mm_sub_epi8(bytes, zeros), nine);
            wrong = _mm_or_si128(wrong, _mm_and_si128(other, _mm_loadu_si128((const __m128i *)(fixed + i))));
            wrong = _mm_or_si128(wrong, _mm_and_si128(above, _mm_loadu_si128((const __m128i *)(digit + i))));
        }
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, zero)) != 0xffff)
            return 1;
    }
#else
    for (size_t start = 0; start < size; start += OUTLINE_STEP) {
        unsigned char wrong = 0;
        for (size_t i = start; i < start + OUTLINE_STEP; i++)
            wrong |= ((line[i] ^ text[i]) & fixed[i]) |
                     (((unsigned char)(line[i] - '0') > 9 ? 0xff : 0) & digit[i]);
        if (wrong)
            return 1;
    }
#endif
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

/* The number that `size` digits say, at most 16; there must be 8 readable bytes in front of the last of them. */
static inline uint64_t eight_digits(const unsigned char *end, int size) {
    if (size == 0)
        return 0;
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    const uint64_t keep = UINT64_MAX << (8 * (8 - size));
    uint64_t word = (((word64(end - 8)) & keep) | (zeros & ~keep)) - zeros; /* little endian: the first digit is lowest */
    word = word * 10 + (word >> 8);
    return (((word & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064)) +
            (((word >> 16) & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001))) >> 32;
}

static inline uint64_t digits_value(const unsigned char *at, int size) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const unsigned char *end = at + size;
    if (size <= 8)
        return eight_digits(end, size);
    if (size <= 16)
        return eight_digits(end - 8, size - 8) * 100000000 + eight_digits(end, 8);
#endif
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value * 10 + (uint64_t)(at[i] - '0');
    return value;
}

/* A hash of some bytes, going on from another one. Whoever runs the recorded program writes these bytes: the seed keeps
 * him from choosing what collides, and the table looks only a few places far. */
static inline uint64_t mix(uint64_t one, uint64_t other) {
#ifdef __SIZEOF_INT128__
    const unsigned __int128 product = (unsigned __int128)one * other;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else /* the same by halves: what is weaker than this product collides whatever the seed is */
    const uint64_t half = UINT32_MAX, low = (one & half) * (other & half), high = (one >> 32) * (other >> 32),
                   left = (one >> 32) * (other & half), right = (one & half) * (other >> 32),
                   middle = (low >> 32) + (left & half) + (right & half);
    return ((low & half) | middle << 32) ^ (high + (left >> 32) + (right >> 32) + (middle >> 32));
#endif
}

static inline uint64_t hash32(uint64_t hash, const unsigned char *at, const unsigned char *other) {
    return mix(word64(at) ^ UINT64_C(0xa0761d6478bd642f), word64(at + 8) ^ hash) ^
           mix(word64(other) ^ UINT64_C(0xe7037ed1a0b428db), word64(other + 8) ^ hash);
}

static inline uint64_t hash_bytes(uint64_t hash, const unsigned char *at, size_t size) {
    const uint64_t one = UINT64_C(0x8ebc6af09c88c6e3), other = UINT64_C(0x589965cc75374cc3);
    uint64_t first = 0, second = 0;
    hash = (hash ^ size) * other;
    if (size >= 32) { /* the last bytes together with some in front of them, as in same_bytes() */
        for (; size > 64; at += 32, size -= 32)
            hash = hash32(hash, at, at + 16);
        return hash32(hash32(hash, at, at + 16), at + size - 32, at + size - 16);
    }
    if (size >= 16)
        return hash32(hash, at, at + size - 16);
    if (size >= 8) {
        first = word64(at);
        second = word64(at + size - 8);
    } else if (size >= 4) {
        uint32_t half;
        memcpy(&half, at, 4);
        first = half;
        memcpy(&half, at + size - 4, 4);
        second = half;
    } else if (size > 0) {
        first = (uint64_t)at[0] | (uint64_t)at[size / 2] << 8 | (uint64_t)at[size - 1] << 16;
    }
    return mix(first ^ other, second ^ hash ^ one);
}
#endif
