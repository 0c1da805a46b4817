package types

import (
	_ "embed"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // a server on a machine without zoneinfo still knows every zone
	"unsafe"

	"kimberlite/sql/pgerr"
)

// timezone_names.txt lists pg_timezone_names of PostgreSQL 15, one name a line: Go cannot list its embedded zones, and names
// are looked up without regard to case.
//
//go:embed timezone_names.txt
var zoneNamesText string

// timezone_abbrevs.tsv is the "Default" abbreviation set: abbreviation, seconds east of UTC or the zone that decides, and
// D for daylight-saving time.
//
//go:embed timezone_abbrevs.tsv
var zoneAbbrevsText string

// ZoneAbbrev is an entry of the abbreviation table (pg_timezone_abbrevs).
type ZoneAbbrev struct {
	Abbrev string // upper case
	Offset int    // seconds east of UTC; for a dynamic abbreviation see Zone
	DST    bool
	Zone   string // a zone whose history says what the abbreviation means at a date; empty for a fixed one
}

var zoneTables struct {
	once    sync.Once
	byLower map[string]string // lower-case name -> name
	names   []string
	abbrevs map[string]ZoneAbbrev // by lower-case abbreviation
	list    []ZoneAbbrev
	loaded  sync.Map // lower-case name -> *loadedZone
}

type loadedZone struct {
	loc  *time.Location
	name string
}

func loadZoneTables() {
	zoneTables.once.Do(func() {
		names := strings.Fields(zoneNamesText)
		m := make(map[string]string, len(names))
		for _, n := range names {
			m[strings.ToLower(n)] = n
		}
		ab := make(map[string]ZoneAbbrev, 256)
		for _, line := range strings.Split(zoneAbbrevsText, "\n") {
			f := strings.Split(line, "\t")
			if len(f) != 3 {
				continue
			}
			a := ZoneAbbrev{Abbrev: f[0], DST: f[2] == "D"}
			if n, err := strconv.Atoi(f[1]); err == nil {
				a.Offset = n
			} else {
				a.Zone = f[1]
			}
			ab[strings.ToLower(f[0])] = a
			zoneTables.list = append(zoneTables.list, a)
		}
		zoneTables.byLower, zoneTables.names, zoneTables.abbrevs = m, names, ab
	})
}

// ZoneNames returns the names of the time zones, ordered; the slice must not be changed.
func ZoneNames() []string { loadZoneTables(); return zoneTables.names }

// ZoneAbbrevs returns the abbreviation table, ordered; the slice must not be changed.
func ZoneAbbrevs() []ZoneAbbrev { loadZoneTables(); return zoneTables.list }

// LoadZone finds a time zone by its name without regard to case, or from a POSIX specification such as EST5EDT,M3.2.0,M11.1.0 or
// <+02>-02. It returns the zone and the name that SHOW TimeZone prints. The error is 22023 "time zone ... not recognized".
func LoadZone(name string) (*time.Location, string, error) {
	lower := asciiLower(name)
	if z, ok := zoneTables.loaded.Load(lower); ok {
		lz := z.(*loadedZone)
		return lz.loc, lz.name, nil
	}
	loadZoneTables()
	var lz *loadedZone
	if canonical, ok := zoneTables.byLower[lower]; ok {
		if canonical == "UTC" {
			lz = &loadedZone{time.UTC, canonical}
		} else if loc, err := time.LoadLocation(canonical); err == nil {
			lz = &loadedZone{loc, canonical}
		}
	}
	if lz == nil {
		canonical := strings.ToUpper(name)
		if loc := parsePOSIXZone(canonical); loc != nil {
			lz = &loadedZone{loc, canonical}
		}
	}
	if lz == nil {
		return nil, "", zoneNotRecognized(name)
	}
	if len(name) <= zoneNameMax {
		zoneTables.loaded.Store(lower, lz)
	}
	return lz.loc, lz.name, nil
}

func zoneNotRecognized(name string) error {
	return pgerr.Newf(pgerr.InvalidParameterValue, "time zone \"%s\" not recognized", name)
}

// FixedZone returns the zone that SET TIME ZONE with a number of seconds east of UTC makes, and its name (<+02>-02).
func FixedZone(east int) (*time.Location, string) {
	abs := east
	if abs < 0 {
		abs = -abs
	}
	text := strconv.Itoa(100 + abs/3600)[1:]
	if abs%3600 != 0 {
		text += ":" + strconv.Itoa(100 + abs%3600/60)[1:]
		if abs%60 != 0 {
			text += ":" + strconv.Itoa(100 + abs%60)[1:]
		}
	}
	abbrev, rest := "+"+text, "-"+text
	if east < 0 {
		abbrev, rest = "-"+text, "+"+text
	}
	return time.FixedZone(abbrev, east), "<" + abbrev + ">" + rest
}

// parsePOSIXZone understands std[offset[dst[offset][,rule]]] with POSIX's sign (west is positive); nil if it is none.
func parsePOSIXZone(s string) *time.Location {
	std, rest, ok := posixZoneName(s)
	if !ok || rest == "" {
		return nil
	}
	west, rest, ok := posixZoneOffset(rest)
	if !ok {
		return nil
	}
	if rest == "" {
		return time.FixedZone(std, -west)
	}
	dst, rest, ok := posixZoneName(rest)
	if !ok || dst == "" || std == "" {
		return nil
	}
	dstWest := west - 3600
	if rest != "" && rest[0] != ',' {
		if dstWest, rest, ok = posixZoneOffset(rest); !ok {
			return nil
		}
	}
	if rest != "" && rest[0] != ',' {
		return nil
	}
	if rest == "" {
		rest = ",M3.2.0,M11.1.0" // the rule of the United States, PostgreSQL's default too
	}
	// The rules end in a TZif footer, which the time package can read.
	footer := "<" + std + ">" + posixOffsetText(west) + "<" + dst + ">" + posixOffsetText(dstWest) + rest
	loc, err := time.LoadLocationFromTZData(s, tzifWithFooter(std, -west, footer))
	if err != nil {
		return nil
	}
	if _, off := time.Unix(0, 0).In(loc).Zone(); off != -west && off != -dstWest {
		return nil // the rule could not be read
	}
	return loc
}

func posixOffsetText(west int) string {
	sign := ""
	if west < 0 {
		sign, west = "-", -west
	}
	return sign + strconv.Itoa(west/3600) + ":" + strconv.Itoa(west/60%60) + ":" + strconv.Itoa(west%60)
}

func posixZoneName(s string) (name, rest string, ok bool) {
	if strings.HasPrefix(s, "<") {
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return "", "", false
		}
		return s[1:end], s[end+1:], true
	}
	i := 0
	for i < len(s) && s[i] != ',' && s[i] != '-' && s[i] != '+' && !isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:], true
}

// posixZoneOffset reads [+-]hh[:mm[:ss]], hours up to 167 as in PostgreSQL.
func posixZoneOffset(s string) (secs int, rest string, ok bool) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	for i, limit := range [3]int{24*7 - 1, 59, 60} {
		n := 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		v, err := strconv.Atoi(s[:n])
		if err != nil || v > limit {
			return 0, "", false
		}
		secs += v * [3]int{3600, 60, 1}[i]
		s = s[n:]
		if s == "" || s[0] != ':' || i == 2 {
			break
		}
		s = s[1:]
	}
	if neg {
		secs = -secs
	}
	return secs, s, true
}

// tzifWithFooter builds a version 2 TZif file with one zone and no transitions, so that only the footer counts.
func tzifWithFooter(abbrev string, east int, footer string) []byte {
	header := func(b []byte) []byte {
		b = append(b, "TZif2"...)
		b = append(b, make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, 0, 1, uint32(len(abbrev) + 1)} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(int32(east)))
		b = append(b, 0, 0) // not daylight saving, abbreviation 0
		b = append(b, abbrev...)
		return append(b, 0)
	}
	b := header(header(nil))
	b = append(b, '\n')
	b = append(b, footer...)
	return append(b, '\n')
}

// zoneSpan is a stretch of time with one offset.
type zoneSpan struct {
	loc    *time.Location
	lo, hi int64 // Unix seconds, lo <= t < hi; MinInt64 and MaxInt64 when it has no end
	east   int32
	dst    bool
	abbrev string
}

// zoneCache remembers the spans looked up last, so that a column of timestamps costs a few ns a value. Slots are
// replaced without a lock; a span is immutable.
var zoneCache [256]atomic.Pointer[zoneSpan]

// spanAt returns the span of the zone that holds the instant.
func spanAt(loc *time.Location, unix int64) *zoneSpan {
	// Half-year windows: mostly one span a slot.
	slot := &zoneCache[(uint64(uintptr(unsafe.Pointer(loc))>>4)^uint64(unix>>24))&255]
	if s := slot.Load(); s != nil && s.loc == loc && s.lo <= unix && unix < s.hi {
		return s
	}
	s := findSpan(loc, unix)
	slot.Store(s)
	return s
}

func findSpan(loc *time.Location, unix int64) *zoneSpan {
	t := time.Unix(unix, 0).In(loc)
	name, off := t.Zone()
	start, end := t.ZoneBounds()
	s := &zoneSpan{loc: loc, lo: math.MinInt64, hi: math.MaxInt64, east: int32(off), dst: t.IsDST(), abbrev: name}
	if !start.IsZero() {
		s.lo = start.Unix()
	}
	if !end.IsZero() {
		s.hi = end.Unix()
	}
	return s
}

// zoneOffsetAt returns seconds east of UTC at an instant (Unix seconds).
func zoneOffsetAt(loc *time.Location, unix int64) int {
	if loc == time.UTC || loc == nil {
		return 0
	}
	return int(spanAt(loc, unix).east)
}

// zoneOffsetLocal returns seconds east of UTC of a local time, given as Unix seconds as if it were UTC. A time that a
// spring-forward transition skips is read with the offset before it, one that a fall-back transition repeats with the one after.
func zoneOffsetLocal(loc *time.Location, local int64) int {
	if loc == time.UTC || loc == nil {
		return 0
	}
	return int(zoneSpanLocal(loc, local).east)
}

func zoneSpanLocal(loc *time.Location, local int64) *zoneSpan {
	before := spanAt(loc, local-86400)
	if before.hi == math.MaxInt64 || local+2*86400 < before.hi {
		return before
	}
	after := spanAt(loc, before.hi)
	beforeTime, afterTime := local-int64(before.east), local-int64(after.east)
	switch {
	case beforeTime < before.hi && afterTime < before.hi:
		return before
	case beforeTime > before.hi && afterTime >= before.hi:
		return after
	case beforeTime > afterTime:
		return before
	}
	return after
}

// zoneIsFixed reports whether the zone never changes its offset, and that offset.
func zoneIsFixed(loc *time.Location) (int, bool) {
	if loc == time.UTC {
		return 0, true
	}
	s := spanAt(loc, 0)
	return int(s.east), s.lo == math.MinInt64 && s.hi == math.MaxInt64
}

// abbrevOffset returns what a dynamic abbreviation means at a time: the meaning in use last at or before it, else the first one
// after it, else the zone's own offset. at is local Unix seconds when local, else an instant.
func abbrevOffset(loc *time.Location, abbrev string, at int64, local bool) int {
	zoneOffset := zoneOffsetAt
	if local {
		zoneOffset = zoneOffsetLocal
	}
	east := zoneOffset(loc, at)
	instant := at
	if local {
		instant -= int64(east)
	}
	for s := spanAt(loc, instant); ; {
		if strings.EqualFold(s.abbrev, abbrev) {
			return int(s.east)
		}
		if s.lo == math.MinInt64 {
			break
		}
		s = spanAt(loc, s.lo-1)
	}
	for i, s := 0, spanAt(loc, instant); i < zoneSearchMax && s.hi != math.MaxInt64; i++ {
		s = spanAt(loc, s.hi)
		if strings.EqualFold(s.abbrev, abbrev) {
			return int(s.east)
		}
	}
	return east
}

// zoneRef is a time zone as a user names it: a fixed offset, an abbreviation whose meaning depends on the date, or a zone.
type zoneRef struct {
	loc    *time.Location // nil: east counts
	abbrev string         // with loc: a dynamic abbreviation of that zone
	east   int
}

// lookupZoneRef resolves the argument of AT TIME ZONE and its like: abbreviations first, then names.
func lookupZoneRef(name string) (zoneRef, error) {
	loadZoneTables()
	if a, ok := zoneTables.abbrevs[asciiLower(name)]; ok {
		if a.Zone == "" {
			return zoneRef{east: a.Offset}, nil
		}
		loc, _, err := LoadZone(a.Zone)
		return zoneRef{loc: loc, abbrev: a.Abbrev}, err
	}
	loc, _, err := LoadZone(name)
	return zoneRef{loc: loc}, err
}

// atInstant returns seconds east of UTC at an instant (Unix seconds).
func (z zoneRef) atInstant(unix int64) int {
	switch {
	case z.loc == nil:
		return z.east
	case z.abbrev != "":
		return abbrevOffset(z.loc, z.abbrev, unix, false)
	}
	return zoneOffsetAt(z.loc, unix)
}

// atLocal returns seconds east of UTC at a local time (Unix seconds as if it were UTC).
func (z zoneRef) atLocal(local int64) int {
	switch {
	case z.loc == nil:
		return z.east
	case z.abbrev != "":
		return abbrevOffset(z.loc, z.abbrev, local, true)
	}
	return zoneOffsetLocal(z.loc, local)
}

func isDigit(c byte) bool { return c-'0' < 10 }
func isAlpha(c byte) bool { return (c|0x20)-'a' < 26 }

// asciiLower folds A-Z only; the argument itself when there is nothing to fold.
func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c-'A' < 26 {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i]-'A' < 26 {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}
