# cython: language_level=3, boundscheck=False, cdivision=True, initializedcheck=False
"""Lines of a text log, matched and counted without an object for each: the compiled twin of lines.py.

It takes a line only if it is like one that the expressions of shapes.py took: the same prefix but for digits, and behind
that a regular record, which the expression `lean` would take too. All other lines that may hold a record or a sign of
loss it hands back, so that their meaning stays where it is, in record.py, trust.py and loss.py.

Whoever runs the recorded programs writes these bytes: no pointer here goes where it was not compared with the end."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

cimport cython

import os

from audit2seccomp.evidence.once import Boot
from audit2seccomp.evidence.once import Span as ChunkSpan

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <string.h>
    """
    void *memrchr(const void *at, int byte, size_t size) nogil
    void *memmem(const void *at, size_t size, const void *word, size_t word_size) nogil

cdef extern from "_search.h" nogil:
    const uint8_t *find_word(const uint8_t *at, const uint8_t *end)
    bint is_hex(uint8_t byte)
    bint unlike(const uint8_t *line, const uint8_t *text, const uint8_t *fixed, const uint8_t *digit, size_t size)
    size_t newlines(const uint8_t *at, const uint8_t *end)
    uint64_t digits_value(const uint8_t *at, int size)
    uint64_t hash_bytes(uint64_t hash, const uint8_t *at, size_t size)
    int hex_digits_before(const uint8_t *end, const uint8_t *start)
    int digits_at(const uint8_t *at, const uint8_t *end)
    bint same_bytes(const uint8_t *one, const uint8_t *other, size_t size)
    void will_read(const void *at)

cdef enum:
    MAX_PREFIX = 384  # longer prefixes are not learned: most hosts have 64 bytes at most
    OUTLINE_STEP = 32  # as in _search.h
    MAX_OUTLINES = 64  # a date or a serial of another width makes another one
    MAX_TEXT = 1024  # shapes.MAX_TEXT_BYTES
    MAX_LINE = 1 << 20  # cuts.MAX_LINE_BYTES
    MAX_PROBES = 16
    SLOTS = 1 << 15
    SLOT_SHIFT = 17
    MOST_CALLS = SLOTS // 2
    MOST_BYTES = 4 << 20
    MANY_CALLS = 1 << 13  # from so many on a table is full, and the next block gets a new one
    MANY_BYTES = 2 << 20
    NO_STAMP = -1
    CHUNK_BITS = 10  # once.CHUNK_BITS
    CHUNK = 1024
    MASK_BYTES = 128  # a bit for each serial of a chunk
    SLACK_MILLIS = 1000  # once.SLACK_MILLIS
    PENDING = 4  # a power of two

ctypedef const uint8_t *Bytes

cdef struct Outline:
    size_t size
    size_t padded
    uint8_t text[MAX_PREFIX]
    uint8_t fixed[MAX_PREFIX]
    uint8_t digit[MAX_PREFIX]
    int seconds_at, seconds_size, serial_at, serial_size
    int pid_at, pid_size
    int source
    bint bare, enriched

cdef struct Call:
    uint64_t hash
    int64_t last
    uint64_t lines, again
    uint32_t at, task_size, fields_size, code_size, tail_size
    int32_t source
    uint8_t fate

cdef struct Event:
    int64_t millis
    uint64_t serial
    uint32_t at
    int32_t call

cdef struct Span:
    Bytes start, end

cdef struct Spot:  # where the parts of a text are
    Bytes task, task_end, fields, fields_end, tail, code_end, tail_end

cdef struct Fields:  # of a regular record, those that make its key
    Span uid, subj, comm, exe, arch, syscall, code

cdef struct Pending:  # a line that was taken, whose call is not looked up yet
    Event event
    Spot spot
    uint64_t hash
    int32_t source

cdef enum Fate:
    NEW
    ASKED
    COUNTED
    LEFT_OUT


@cython.final
cdef class Outlines:
    """The beginnings of lines that may be taken."""
    cdef Outline *known
    cdef readonly int count

    def __cinit__(self):
        self.known = <Outline *>calloc(MAX_OUTLINES, sizeof(Outline))
        self.count = 0
        if self.known is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.known)

    @property
    def full(self):
        """Whether no more can be learned."""
        return self.count == MAX_OUTLINES

    def learn(self, bytes text, bytes free_digits, tuple seconds, tuple serial, tuple pid, int source, bint bare,
              bint enriched):
        """One more: `text` up to the record's fields; `free_digits` has a 1 for each byte that may be any digit; spans
        of the stamp's seconds (without milliseconds) and serial, and of the pid in a tag, None where there is none.
        `enriched`: auditd's words may stand behind the record. False if it cannot be learned."""
        cdef Outline *outline
        cdef size_t size = len(text), i
        cdef bint isfree
        assert 0 <= source < MAX_OUTLINES, "sources are no more than outlines"
        for span in (seconds, serial, pid):
            assert span is None or 0 <= span[0] < span[1] <= size, "a span is in the text"
        assert seconds is None or seconds[1] + 4 < serial[0], "milliseconds stand between seconds and serial"
        if self.count == MAX_OUTLINES or size > MAX_PREFIX - OUTLINE_STEP or len(free_digits) != size:
            return False
        if seconds is not None and (seconds[0] < 8 or seconds[1] - seconds[0] > 15 or serial[1] - serial[0] > 18):
            return False
        outline = &self.known[self.count]
        outline.size = size
        outline.padded = (size + OUTLINE_STEP - 1) // OUTLINE_STEP * OUTLINE_STEP
        for i in range(size):
            isfree = free_digits[i] == 1
            outline.text[i] = <uint8_t>text[i]
            outline.fixed[i] = 0 if isfree else 0xff
            outline.digit[i] = 0xff if isfree else 0
        outline.seconds_at, outline.seconds_size = (-1, 0) if seconds is None else (seconds[0], seconds[1] - seconds[0])
        outline.serial_at, outline.serial_size = (-1, 0) if serial is None else (serial[0], serial[1] - serial[0])
        outline.pid_at, outline.pid_size = (-1, 0) if pid is None else (pid[0], pid[1] - pid[0])
        outline.source, outline.bare, outline.enriched = source, bare, enriched
        self.count += 1
        return True


@cython.final
cdef class Calls:
    """The different calls that were met, each once, and how often."""
    # None of these ever moves: one thread looks calls up while another one counts.
    cdef Call *known
    cdef int32_t count
    cdef int32_t seen  # so many are known to the thread that counts; `count` belongs to the one that looks up
    cdef int32_t settled, left_out  # so many of them
    cdef uint8_t *text
    cdef uint32_t used
    cdef int32_t *slots
    cdef uint64_t seed
    cdef bint crowded
    cdef readonly Calls before
    """The table that this one took the place of, because it was full."""
    cdef readonly dict outcomes
    """What becomes of each, for those who read the calls to note."""

    def __cinit__(self, Calls before=None):
        self.before = before
        self.outcomes = {}
        self.known = <Call *>malloc(MOST_CALLS * sizeof(Call))
        self.text = <uint8_t *>malloc(MOST_BYTES)
        self.slots = <int32_t *>calloc(SLOTS, sizeof(int32_t))
        self.seed = int.from_bytes(os.urandom(8), "little")
        if self.known is NULL or self.text is NULL or self.slots is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.known)
        free(self.text)
        free(self.slots)

    @property
    def full(self):
        """Whether it is time for a new table."""
        return self.crowded or self.count >= MANY_CALLS or self.used >= MANY_BYTES

    def source(self, int32_t call):
        """Where it was met: what `Outlines.learn` was told."""
        assert 0 <= call < self.seen
        return self.known[call].source

    cdef Spot spot(self, const Call *call) noexcept:
        cdef Spot spot
        spot.task = self.text + call.at
        spot.task_end = spot.fields = spot.task + call.task_size
        spot.fields_end = spot.tail = spot.fields + call.fields_size
        spot.code_end = spot.tail + call.code_size
        spot.tail_end = spot.tail + call.tail_size
        return spot

    def fields(self, int32_t call):
        """Of the record: uid, label or None, comm, exe, arch, syscall, code, each as it stands there."""
        assert 0 <= call < self.seen
        cdef Fields fields
        cdef Spot spot = self.spot(&self.known[call])
        cdef bint regular = read_fields(&spot, &fields)
        assert regular, "only regular records are kept"
        return (
            text_at(&fields.uid), text_at(&fields.subj) if fields.subj.start is not NULL else None,
            text_at(&fields.comm), text_at(&fields.exe), text_at(&fields.arch), text_at(&fields.syscall),
            text_at(&fields.code),
        )

    def text_of(self, int32_t call):
        """What follows the stamp of such a record, with another pid and ip."""
        assert 0 <= call < self.seen
        cdef Spot spot = self.spot(&self.known[call])
        cdef const char *task = <const char *>spot.task
        cdef const char *fields = <const char *>spot.fields
        cdef const char *code = <const char *>spot.tail
        return b"%b pid=0%b ip=0x0%b" % (
            task[:spot.task_end - spot.task], fields[:spot.fields_end - spot.fields], code[:spot.code_end - spot.tail]
        )

    def settle(self, int32_t call, bint uses_serials):
        """Whether its events use up serials: those of records that are rejected or refused do not."""
        assert 0 <= call < self.seen and self.known[call].fate == NEW
        self.known[call].fate = COUNTED if uses_serials else LEFT_OUT
        self.settled += 1
        self.left_out += not uses_serials

    def fold(self):
        """(call, lines, copies among them, latest time in milliseconds or None) of each that was counted since the last
        time."""
        cdef int32_t i
        cdef Call *call
        folded = []
        for i in range(self.seen):
            call = &self.known[i]
            if call.lines:
                folded.append((i, call.lines, call.again, None if call.last == NO_STAMP else call.last))
                call.lines, call.again, call.last = 0, 0, NO_STAMP
        return folded

    def forget_before(self):
        """The table before this one is done with."""
        self.before = None

    cdef uint64_t hash_of(self, const Spot *spot, int32_t source) noexcept nogil:
        # Of each part its own, so that the processor works on all of them at once.
        cdef uint64_t of_task = hash_bytes(self.seed ^ <uint64_t>source, spot.task, spot.task_end - spot.task)
        cdef uint64_t of_fields = hash_bytes(self.seed, spot.fields, spot.fields_end - spot.fields)
        cdef uint64_t hash = hash_bytes(of_task ^ (of_fields << 1), spot.tail, spot.tail_end - spot.tail)
        will_read(self.slots + (<uint32_t>(hash >> SLOT_SHIFT) & (SLOTS - 1)))
        return hash

    cdef void approach(self, uint64_t hash, bint text) noexcept nogil:
        """Have the call there, or its text, in the processor's cache when it is looked up."""
        cdef int32_t found = self.slots[<uint32_t>(hash >> SLOT_SHIFT) & (SLOTS - 1)] - 1
        cdef const uint8_t *at
        if found < 0:
            return
        if not text:
            will_read(&self.known[found])
            return
        at = self.text + self.known[found].at
        will_read(at)
        will_read(at + 64)
        will_read(at + 128)

    cdef int32_t index(self, const Spot *spot, int32_t source, uint64_t hash) noexcept nogil:
        """The call there, of that hash; -1 if it is no regular record, or one more than there is room for."""
        cdef size_t task = spot.task_end - spot.task, fields = spot.fields_end - spot.fields
        cdef size_t tail = spot.tail_end - spot.tail
        cdef uint32_t slot
        cdef int32_t found
        cdef int probe
        cdef Call *one
        cdef const uint8_t *text
        slot = <uint32_t>(hash >> SLOT_SHIFT)
        for probe in range(MAX_PROBES):
            slot &= SLOTS - 1
            found = self.slots[slot] - 1
            if found < 0:
                break
            one = &self.known[found]
            if (
                one.hash == hash and one.source == source and one.task_size == task and one.fields_size == fields
                and one.tail_size == tail
            ):
                text = self.text + one.at
                if (
                    same_bytes(text, spot.task, task) and same_bytes(text + task, spot.fields, fields)
                    and same_bytes(text + task + fields, spot.tail, tail)
                ):
                    return found
            slot += 1
        else:
            self.crowded = True
            return -1
        if not read_fields(spot, NULL):
            return -1
        found = self.add(spot, task, fields, tail)
        if found >= 0:
            one = &self.known[found]
            one.hash, one.source = hash, source
            self.slots[slot] = found + 1
        return found

    cdef int32_t add(self, const Spot *spot, size_t task, size_t fields, size_t tail) noexcept nogil:
        cdef Call *one
        cdef uint8_t *text
        if self.count == MOST_CALLS or MOST_BYTES - self.used < task + fields + tail:
            self.crowded = True
            return -1
        one = &self.known[self.count]
        one.at, one.task_size, one.fields_size, one.tail_size = self.used, task, fields, tail
        one.code_size = spot.code_end - spot.tail
        one.last, one.lines, one.again, one.fate = NO_STAMP, 0, 0, NEW
        text = self.text + self.used
        memcpy(text, spot.task, task)
        memcpy(text + task, spot.fields, fields)
        memcpy(text + task + fields, spot.tail, tail)
        self.used += task + fields + tail
        self.count += 1
        return self.count - 1


@cython.final
cdef class Found:
    """What was found in one block."""
    cdef readonly Calls calls
    cdef Event *events
    cdef size_t count, room
    cdef uint32_t *left_starts
    cdef size_t left_count, left_room
    cdef readonly size_t lines
    """Newlines, where they were counted."""
    cdef readonly bint bare
    """Whether a line was taken of a carrier for which only the beginning of the line speaks."""
    cdef readonly bint all_taken
    """Whether each line was taken."""
    cdef bint out_of_memory
    cdef int32_t highest  # of its calls
    cdef uint64_t source_bits  # of its outlines
    cdef bint unstamped  # whether some event is
    cdef Pending pending[PENDING]
    cdef uint32_t pended, looked_up

    def __cinit__(self, Calls calls):
        self.calls = calls
        self.all_taken = True
        self.highest = -1

    def __dealloc__(self):
        free(self.events)
        free(self.left_starts)

    def __len__(self):
        return self.count

    def left(self):
        """Where each line begins that may hold something and was not taken, in order."""
        return [self.left_starts[i] for i in range(self.left_count)]

    def new(self):
        """Each call that is not settled, where its first line begins, and the time in milliseconds, if any."""
        cdef size_t i
        cdef Event *event
        cdef Call *call
        new = []
        if self.highest < self.calls.seen == self.calls.settled:
            return new
        self.calls.seen = max(self.calls.seen, self.highest + 1)
        for i in range(self.count):
            event = &self.events[i]
            call = &self.calls.known[event.call]
            if call.fate == NEW:
                call.fate = ASKED
                new.append((event.call, event.at, None if event.millis == NO_STAMP else event.millis))
        for asked, _, _ in new:
            i = asked
            self.calls.known[i].fate = NEW  # what else was found in the block may have it further up
        return new

    def sources(self):
        """Of which outlines' sources there are events."""
        return [source for source in range(64) if self.source_bits >> source & 1]

    def events_of(self, int32_t source):
        """Its stamped events that use up serials, in order."""
        cdef Events events
        cdef size_t i
        cdef Call *call
        if self.source_bits == <uint64_t>1 << source and self.calls.left_out == 0 and not self.unstamped:
            events = Events(0)
            events.events, events.count, events.owner, events.borrowed = self.events, self.count, self, True
        else:
            events = Events(self.count)
            for i in range(self.count):
                call = &self.calls.known[self.events[i].call]
                if call.source == source and call.fate != LEFT_OUT and self.events[i].millis != NO_STAMP:
                    events.events[events.count] = self.events[i]
                    events.count += 1
        events.calls = self.calls
        return events

    def commit(self):
        """Count all events under their calls, which `new` was asked for."""
        cdef size_t i
        cdef Call *call
        for i in range(self.count):
            call = &self.calls.known[self.events[i].call]
            call.lines += 1
            if self.events[i].millis > call.last:
                call.last = self.events[i].millis

    cdef bint add_event(self, const Event *event) noexcept nogil:
        if self.count == self.room:
            if not grown(<void **>&self.events, &self.room, sizeof(Event)):
                self.out_of_memory = True
                return False
        self.events[self.count] = event[0]
        self.count += 1
        return True

    cdef void pend(self, Pending *one) noexcept nogil:
        """A line was taken, the next one pending. What its call must be compared with is fetched while other lines are
        read: waiting for it would take a fifth of the time."""
        one.hash = self.calls.hash_of(&one.spot, one.source)
        self.pended += 1
        cdef uint32_t waiting = self.pended - self.looked_up
        if waiting > 1:
            self.calls.approach(self.pending[(self.pended - 2) % PENDING].hash, False)
        if waiting > 2:
            self.calls.approach(self.pending[(self.pended - 3) % PENDING].hash, True)
        if waiting == PENDING:
            self.look_up()

    cdef void look_up(self) noexcept nogil:
        cdef Pending *one = &self.pending[self.looked_up % PENDING]
        self.looked_up += 1
        one.event.call = self.calls.index(&one.spot, one.source, one.hash)
        if one.event.call < 0 or not self.add_event(&one.event):
            self.leave(one.event.at)
            self.all_taken = False
            return
        self.highest = max(self.highest, one.event.call)
        self.source_bits |= <uint64_t>1 << one.source
        self.unstamped |= one.event.millis == NO_STAMP

    cdef void look_all_up(self) noexcept nogil:
        """Nothing is left pending: what comes next is in the order of the lines."""
        while self.looked_up != self.pended:
            self.look_up()

    cdef void leave(self, uint32_t start) noexcept nogil:
        if self.left_count == self.left_room:
            if not grown(<void **>&self.left_starts, &self.left_room, sizeof(uint32_t)):
                self.out_of_memory = True
                return
        self.left_starts[self.left_count] = start
        self.left_count += 1


cdef bint grown(void **items, size_t *room, size_t size) noexcept nogil:
    cdef size_t wanted = room[0] * 2 if room[0] else 512
    cdef void *moved = realloc(items[0], wanted * size)
    if moved is NULL:
        return False
    items[0], room[0] = moved, wanted
    return True


@cython.final
cdef class Events:
    """Stamped events of one channel, in the order of the log: see once.Events."""
    cdef Event *events
    cdef Py_ssize_t count
    cdef Calls calls
    cdef Found owner  # whose the events are, if they are borrowed
    cdef bint borrowed
    cdef list cut
    cdef Event lowest, highest
    cdef bint ascending

    def __cinit__(self, size_t room):
        if room:
            self.events = <Event *>malloc(room * sizeof(Event))
            if self.events is NULL:
                raise MemoryError

    def __dealloc__(self):
        if not self.borrowed:  # of the owner nothing may be left
            free(self.events)

    def __len__(self):
        return self.count

    @property
    def in_a_row(self):
        self.look()
        return self.ascending

    def ends(self):
        self.look()
        return self.lowest.serial, self.highest.serial, self.lowest.millis, self.highest.millis

    def spans(self):
        self.look()
        return self.cut

    cdef look(self):
        """Go through them once, and find out all that is asked."""
        cdef Py_ssize_t start = 0, stop
        cdef uint64_t chunk, bit, byte
        cdef int64_t first, last
        cdef Event *event = self.events
        cdef uint8_t mask[MASK_BYTES]
        cdef uint8_t some
        cdef Event low, high
        if self.cut is not None:
            return
        self.cut = []
        if not self.count:
            return
        self.ascending = True
        low = high = event[0]
        while start < self.count:
            chunk = event.serial >> CHUNK_BITS
            first = last = event.millis
            memset(mask, 0, sizeof(mask))
            byte, some = (event.serial & (CHUNK - 1)) >> 3, 0
            stop = start
            if start and (event.serial != event[-1].serial + 1 or event[-1].millis > event.millis + SLACK_MILLIS):
                self.ascending = False
            while True:
                bit = event.serial & (CHUNK - 1)
                if bit >> 3 != byte:
                    mask[byte] = some
                    byte, some = bit >> 3, 0
                some |= 1 << (bit & 7)
                first, last = min(first, event.millis), max(last, event.millis)
                stop += 1
                event += 1
                if stop == self.count:
                    break
                if (
                    event.serial >> CHUNK_BITS != chunk or event.serial <= event[-1].serial
                    or event[-1].millis > event.millis + SLACK_MILLIS
                ):
                    break
                self.ascending &= event.serial == event[-1].serial + 1
            mask[byte] = some
            low.serial, high.serial = min(low.serial, self.events[start].serial), max(high.serial, event[-1].serial)
            low.millis, high.millis = min(low.millis, first), max(high.millis, last)
            seen = Boot(first, last, int.from_bytes(mask[:MASK_BYTES], "little"))
            self.cut.append(ChunkSpan(start, stop, chunk, seen))
            start = stop
        self.lowest, self.highest = low, high

    def among(self, span, boot):
        cdef Py_ssize_t i
        mask = boot.mask
        return [
            i for i in range(span.start, span.stop)
            if mask >> (self.events[i].serial & (CHUNK - 1)) & 1 and boot.spans(self.events[i].millis)
        ]

    def without(self, indices):
        cdef Events others = Events(self.count)
        cdef Py_ssize_t i
        known = set(indices)
        for i in range(self.count):
            if i not in known:
                others.events[others.count] = self.events[i]
                others.count += 1
        return others

    def stamps(self):
        cdef Py_ssize_t i
        return [(self.events[i].millis, self.events[i].serial) for i in range(self.count)]

    def places(self):
        cdef Py_ssize_t i
        return [self.events[i].at for i in range(self.count)]

    def are_copies(self, indices):
        """Note that these events were seen before."""
        cdef Py_ssize_t i
        for i in indices:
            assert 0 <= i < self.count
            self.calls.known[self.events[i].call].again += 1


def scan(bytes block not None, size_t start, Outlines outlines not None, Calls calls not None,
         *, bint count_lines, bint bare):
    """Look at the whole lines in a block from `start` on. `bare`: lines may be taken for which only their beginning
    speaks."""
    cdef Found found = Found(calls)
    cdef size_t size = len(block)
    if size > 0xffffffff or start > size:
        raise ValueError("no block has so many bytes")
    cdef Bytes base = <Bytes>block
    cdef int count = outlines.count  # while nobody learns
    if start < size:
        with nogil:
            scan_lines(base, start, size, outlines.known, count, found, count_lines, bare)
    if found.out_of_memory:
        raise MemoryError
    return found


def scan_these(bytes block not None, list starts not None, Outlines outlines not None, Calls calls not None,
               *, bint bare):
    """Look at those lines of a block alone; see `scan`."""
    cdef Found found = Found(calls)
    cdef Bytes base = <Bytes>block
    cdef size_t size = len(block), start
    for at in starts:
        start = at
        if start >= size:
            raise ValueError("no line begins there")
        if take(base, base + start, base + size, outlines.known, outlines.count, found, bare) is NULL:
            found.leave(start)
        found.look_all_up()
    if found.out_of_memory:
        raise MemoryError
    return found


cdef void scan_lines(Bytes base, size_t start, size_t size, const Outline *outlines, int count, Found found,
                     bint count_lines, bint bare) noexcept nogil:
    cdef Bytes end = base + size, at = base + start, behind, word, line, line_end
    while at < end:
        behind = take(base, at, end, outlines, count, found, bare)
        if behind is not NULL:
            found.lines += 1
            at = behind
            continue
        found.all_taken = False
        word = find_word(at, end)
        if word is NULL:
            if count_lines:
                found.lines += newlines(at, end)
            break
        line = <Bytes>memrchr(at, c'\n', word - at)
        line = at if line is NULL else line + 1
        if line > at:
            if count_lines:
                found.lines += newlines(at, line)
            behind = take(base, line, end, outlines, count, found, bare)
            if behind is not NULL:
                found.lines += 1
                at = behind
                continue
        line_end = <Bytes>memchr(word, c'\n', end - word)
        if line_end is NULL:
            line_end = end
        if may_say_something(line, word, line_end):
            found.look_all_up()
            found.leave(line - base)
        found.lines += 1
        at = line_end + 1
    found.look_all_up()


cdef bint may_say_something(Bytes line, Bytes word, Bytes end) noexcept nogil:
    """Whether a line may hold a record or a sign of loss; `word` is the first of its words."""
    cdef bint record = False
    cdef bint coloured = memchr(line, 0x1b, end - line) is not NULL  # once: a line may consist of words
    while word is not NULL:
        if end - word >= 5 and memcmp(word, b"auid=", 5) == 0:
            record = True
        elif may_be_sign(line, word, end, coloured):
            return True
        word = find_word(word + 1, end)
    return record and (
        end - line > MAX_LINE
        or line[0] in (c'{', c'd', 0x1e, 0)  # JSON, which may say in numbers what a word says
        or memmem(line, end - line, b"1326", 4) is not NULL
        or memmem(line, end - line, b"SECCOMP", 7) is not NULL
        or memmem(line, end - line, b'"seccomp"', 9) is not NULL
    )


cdef bint may_be_sign(Bytes line, Bytes word, Bytes end, bint coloured) noexcept nogil:
    """Whether the words of loss.py may begin here; True for more than these."""
    cdef Bytes at = word + 4, start
    if word[0] == c's':  # of " messages"
        return (
            word - line >= 3 and end - word >= 6 and word[-3] == c' ' and memcmp(word - 2, b"messages", 8) == 0
            and (
                (word - line >= 9 and memcmp(word - 9, b"kernel ", 7) == 0)
                or (end - word >= 8 and word[6] == c' ' and word[7] in (c'l', c'd', c'f', c'i'))
                or coloured
            )
        )
    if end - at < 1 or word[3] != c'i':
        return False
    if end - at >= 3 and memcmp(at, b"t: ", 3) == 0:
        return end - at >= 4 and at[3] in (c'a', c'b', c'r', c'p', c'k', c'o', 0x1b)
    if literal(&at, end, b"td", 2) or literal(&at, end, b"spd", 3):
        start = at
        literal(&at, end, b".service", 8)
        if at < end and at[0] in (c'[', c':', c' '):
            return True
        at = word + 4
    if literal(&at, end, b"t", 1):
        start = at
        while at < end and at - start < 32 and (c'a' <= at[0] <= c'z' or at[0] == c'_'):
            at += 1
        if at > start and literal(&at, end, b": ", 2) and at < end and (at[0] in (c'-', 0x1b) or is_digit(at[0])):
            return True
        at = start
    if literal(&at, end, b"(", 1):
        return word - line >= 20 and memcmp(word - 5, b" msg=", 5) == 0 and (
            memcmp(word - 15, b"DAEMON_ERR", 10) == 0 or memcmp(word - 18, b"DAEMON_RESUME", 13) == 0
        )
    return coloured


cdef Bytes take(Bytes base, Bytes line, Bytes end, const Outline *outlines, int count, Found found,
                bint bare) noexcept nogil:
    """Count a line that is like one of the outlines; where the next line begins, or NULL."""
    cdef const Outline *outline
    cdef int i
    cdef size_t there = end - line
    cdef Bytes text, line_end, seconds, millis
    cdef Pending *one = &found.pending[found.pended % PENDING]
    for i in range(count - 1, -1, -1):  # the newest first
        outline = &outlines[i]
        if there < outline.padded or (outline.bare and not bare):
            continue
        if unlike(line, outline.text, outline.fixed, outline.digit, outline.padded):
            continue
        text = line + outline.size
        line_end = <Bytes>memchr(text, c'\n', min(<size_t>(end - text), <size_t>MAX_TEXT + 1))
        if line_end is NULL or not divided(text, line_end, outline, &one.spot):
            return NULL
        if outline.pid_at >= 0 and not (
            one.spot.fields - one.spot.task_end - 5 == outline.pid_size
            and memcmp(line + outline.pid_at, one.spot.task_end + 5, outline.pid_size) == 0
        ):
            return NULL
        one.event.millis, one.event.serial = NO_STAMP, 0
        if outline.seconds_at >= 0:
            seconds = line + outline.seconds_at
            millis = seconds + outline.seconds_size + 1
            one.event.millis = <int64_t>(
                digits_value(seconds, outline.seconds_size) * 1000
                + 100 * (millis[0] - c'0') + 10 * (millis[1] - c'0') + (millis[2] - c'0')
            )
            one.event.serial = digits_value(line + outline.serial_at, outline.serial_size)
        one.event.at = <uint32_t>(line - base)
        one.source = outline.source
        found.pend(one)
        if outline.bare:
            found.bare = True
        return line_end + 1
    return NULL


cdef inline bint is_digit(uint8_t byte) noexcept nogil:
    return c'0' <= byte <= c'9'


cdef bint divided(Bytes text, Bytes line_end, const Outline *outline, Spot *spot) noexcept nogil:
    """Find the pid and the ip of a record's fields; that all else is as it should be, the table knows."""
    cdef Bytes end = line_end, at
    cdef int digits
    spot.tail_end = line_end
    if outline.enriched:
        at = <Bytes>memchr(text, 0x1d, end - text)
        if at is not NULL:
            end = at
    spot.code_end = end
    digits = hex_digits_before(end, text)
    at = end - digits
    if not 1 <= digits <= 8 or at - text < 8 or memcmp(at - 8, b" code=0x", 8) != 0:
        return False
    spot.tail = end = at - 8
    digits = hex_digits_before(end, text)
    at = end - digits
    if digits < 1 or at - text < 6 or memcmp(at - 6, b" ip=0x", 6) != 0:
        return False
    spot.fields_end = end = at - 6
    spot.task = at = text
    while True:
        at = <Bytes>memchr(at, c'p', end - at)
        if at is NULL:
            return False
        if at > text and at[-1] == c' ' and end - at >= 4 and memcmp(at, b"pid=", 4) == 0:
            break
        at += 1
    spot.task_end = at - 1
    at += 4
    digits = digits_at(at, end)
    spot.fields = at + digits
    return 1 <= digits <= 10


cdef bytes text_at(const Span *span):
    cdef const char *at = <const char *>span.start
    return at[:span.end - span.start]


cdef bint read_fields(const Spot *spot, Fields *fields) noexcept nogil:
    """Whether the parts are those of a regular record, as shapes.py's `_TASK`, `_FIELDS` and `_ENDING` define it; its
    fields, if anybody asks."""
    cdef Fields found
    cdef Bytes at = spot.task, end = spot.task_end
    if not (literal(&at, end, b"auid=", 5) and digits(&at, end, 10) and literal(&at, end, b" uid=", 5)):
        return False
    found.uid.start = at
    if not digits(&at, end, 10):
        return False
    found.uid.end = at
    if not (
        literal(&at, end, b" gid=", 5) and digits(&at, end, 10) and literal(&at, end, b" ses=", 5)
        and digits(&at, end, 10)
    ):
        return False
    found.subj.start = NULL
    if at < end:
        if not literal(&at, end, b" subj=", 6):
            return False
        found.subj.start = at
        while at < end and at - found.subj.start < 200 and 0x21 <= at[0] <= 0x7e and at[0] not in (c'(', c')'):
            at += 1
        if at == found.subj.start:
            return False
        if at < end and not literal(&at, end, b" (enforce)", 10) and not literal(&at, end, b" (complain)", 11):
            return False
        if at != end:
            return False
        found.subj.end = at
    at, end = spot.fields, spot.fields_end
    if not (literal(&at, end, b" comm=", 6) and string(&at, end, &found.comm)):
        return False
    if not (literal(&at, end, b" exe=", 5) and string(&at, end, &found.exe) and literal(&at, end, b" sig=", 5)):
        return False
    literal(&at, end, b"-", 1)
    if not (digits(&at, end, 10) and literal(&at, end, b" arch=", 6)):
        return False
    found.arch.start = at
    while at < end and at - found.arch.start < 9 and is_hex(at[0]):
        at += 1
    found.arch.end = at
    if not 1 <= at - found.arch.start <= 8 or not literal(&at, end, b" syscall=", 9):
        return False
    found.syscall.start = at
    if literal(&at, end, b"-", 1):
        if not digits(&at, end, 9):
            return False
    elif not digits(&at, end, 10) or (at - found.syscall.start == 10 and found.syscall.start[0] != c'1'):
        return False
    found.syscall.end = at
    if not (literal(&at, end, b" compat=", 8) and digits(&at, end, 10)) or at != end:
        return False
    found.code.start, found.code.end = spot.tail + 6, spot.code_end  # behind " code="
    if not is_enriched(spot.code_end, spot.tail_end):
        return False
    if fields is not NULL:
        fields[0] = found
    return True


cdef bint is_enriched(Bytes at, Bytes end) noexcept nogil:
    """Whether nothing stands there, or what auditd adds when it enriches a record."""
    cdef Bytes start
    if at == end:
        return True
    if not (literal(&at, end, b"\x1dAUID=", 6) and quoted_value(&at, end)):
        return False
    while at < end:
        if not literal(&at, end, b" ", 1):
            return False
        start = at
        while at < end and c'A' <= at[0] <= c'Z':
            at += 1
        if not 2 <= at - start <= 8 or not literal(&at, end, b"=", 1):
            return False
        if at < end and at[0] == c'"':
            if not quoted_value(&at, end):
                return False
            continue
        start = at
        while at < end and (
            is_digit(at[0]) or c'a' <= at[0] <= c'z' or c'A' <= at[0] <= c'Z' or at[0] in (c'_', c'-', c'(', c')')
        ):
            at += 1
        if at == start:
            return False
    return True


cdef bint quoted_value(Bytes *place, Bytes end) noexcept nogil:
    cdef Bytes at = place[0]
    if at >= end or at[0] != c'"':
        return False
    at += 1
    while at < end and at[0] != c'"' and at[0] != c'=':
        at += 1
    if at >= end or at[0] != c'"':
        return False
    place[0] = at + 1
    return True


cdef bint literal(Bytes *place, Bytes end, const char *word, Py_ssize_t size) noexcept nogil:
    if end - place[0] < size or memcmp(place[0], word, size) != 0:
        return False
    place[0] += size
    return True


cdef bint digits(Bytes *place, Bytes end, int most) noexcept nogil:
    cdef Bytes at = place[0]
    while at < end and at - place[0] < most and is_digit(at[0]):
        at += 1
    if at == place[0]:
        return False
    place[0] = at
    return True


cdef bint string(Bytes *place, Bytes end, Span *span) noexcept nogil:
    """What audit_log_untrustedstring() writes, of at most 200 bytes."""
    cdef Bytes at = place[0], start
    span.start = at
    if at < end and at[0] == c'"':
        at += 1
        start = at
        while at < end and at - start <= 200 and 0x21 <= at[0] <= 0x7e and at[0] != c'"':
            at += 1
        if at - start > 200 or at >= end or at[0] != c'"':
            return False
        at += 1
    else:
        start = at
        while at < end and at - start <= 200 and (is_digit(at[0]) or c'A' <= at[0] <= c'F'):
            at += 1
        if at == start or at - start > 200 or (at - start) & 1:
            return False
    place[0] = span.end = at
    return True
