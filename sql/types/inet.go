package types

import (
	"cmp"
	"encoding/binary"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

func init() {
	for _, cidr := range []bool{false, true} {
		oid := OIDInet
		if cidr {
			oid = OIDCidr
		}
		register(ops{
			in: func(_ *Ctx, _ T, s string) (Datum, error) {
				a, err := parseInet(s, cidr)
				return Str(a.Pack()), err
			},
			out:  func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return UnpackInet(d.S).appendText(dst, cidr) },
			recv: func(_ *Ctx, _ T, b []byte) (Datum, error) { return inetRecv(b, cidr) },
			send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return UnpackInet(d.S).appendBinary(dst, cidr) },
			cmp:  func(a, b Datum) int { return CompareInet(UnpackInet(a.S), UnpackInet(b.S)) },
			key:  inetKey, unkey: inetUnkey,
		}, oid)
	}
}

// Address families as PostgreSQL's binary form numbers them.
const (
	inetV4 = 2
	inetV6 = 3
)

// Inet is an inet or cidr value: an address and the number of its leading bits that name the network.
type Inet struct {
	V6   bool
	Bits uint8
	Addr [16]byte // IPv4 uses the first four
}

// Pack returns the packed form: family, bits, address.
func (a Inet) Pack() string {
	var b [18]byte
	b[0], b[1] = a.family(), a.Bits
	copy(b[2:], a.Addr[:])
	return string(b[:2+a.size()])
}

// UnpackInet reads the packed form.
func UnpackInet(s string) (a Inet) {
	if len(s) < 6 {
		return a
	}
	a.V6, a.Bits = s[0] == inetV6, s[1]
	copy(a.Addr[:a.size()], s[2:])
	return a
}

func (a Inet) family() byte {
	if a.V6 {
		return inetV6
	}
	return inetV4
}

// size is the number of bytes of the address.
func (a Inet) size() int {
	if a.V6 {
		return 16
	}
	return 4
}

func (a Inet) maxBits() int { return a.size() * 8 }

// Family is family(inet): 4 or 6.
func (a Inet) Family() int {
	if a.V6 {
		return 6
	}
	return 4
}

// commonBits counts the equal leading bits, at most n.
func commonBits(a, b *[16]byte, n int) int {
	for i := 0; i*8 < n; i++ {
		if x := a[i] ^ b[i]; x != 0 {
			return min(n, i*8+bits.LeadingZeros8(x))
		}
	}
	return n
}

// compareAddrBits orders addresses by their first n bits.
func compareAddrBits(a, b *[16]byte, n int) int {
	if c := commonBits(a, b, n); c < n {
		if a[c/8]>>(7-c%8)&1 != 0 {
			return 1
		}
		return -1
	}
	return 0
}

// CompareInet is the btree order: IPv4 first, then by network, then the wider network first, then by address.
func CompareInet(a, b Inet) int {
	if a.V6 != b.V6 {
		return cmp.Compare(a.family(), b.family())
	}
	if c := compareAddrBits(&a.Addr, &b.Addr, int(min(a.Bits, b.Bits))); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Bits, b.Bits); c != 0 {
		return c
	}
	return compareAddrBits(&a.Addr, &b.Addr, a.maxBits())
}

// inetKey writes family, network, bits and address, which order as CompareInet does.
func inetKey(dst []byte, d Datum) []byte {
	a := UnpackInet(d.S)
	net := a.Network()
	dst = append(append(dst, a.family()), net.Addr[:a.size()]...)
	return append(append(dst, a.Bits), a.Addr[:a.size()]...)
}

func inetUnkey(src []byte) (Datum, []byte, error) {
	if len(src) < 1 {
		return Datum{}, nil, errKey
	}
	a := Inet{V6: src[0] == inetV6}
	n := a.size()
	if len(src) < 2+2*n {
		return Datum{}, nil, errKey
	}
	a.Bits = src[1+n]
	copy(a.Addr[:n], src[2+n:])
	return Str(a.Pack()), src[2+2*n:], nil
}

// hostBitsSet reports whether a bit right of the mask is set, which a cidr must not have.
func (a Inet) hostBitsSet() bool { return a.Network().Addr != a.Addr }

func inetRecv(b []byte, cidr bool) (Datum, error) {
	name := "inet"
	if cidr {
		name = "cidr"
	}
	bad := func(what string) error {
		return pgerr.Newf(pgerr.InvalidBinaryRepresentation, "invalid %s in external \"%s\" value", what, name)
	}
	if len(b) < 4 {
		return Datum{}, exactly(b, 4)
	}
	if b[0] != inetV4 && b[0] != inetV6 {
		return Datum{}, bad("address family")
	}
	a := Inet{V6: b[0] == inetV6, Bits: b[1]}
	if int(a.Bits) > a.maxBits() {
		return Datum{}, bad("bits")
	}
	if int(b[3]) != a.size() {
		return Datum{}, bad("length")
	}
	if err := exactly(b, 4+a.size()); err != nil {
		return Datum{}, err
	}
	copy(a.Addr[:a.size()], b[4:])
	if cidr && a.hostBitsSet() {
		return Datum{}, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid external \"cidr\" value").
			WithDetail("Value has bits set to right of mask.")
	}
	return Str(a.Pack()), nil
}

func (a Inet) appendBinary(dst []byte, cidr bool) []byte {
	flag := byte(0)
	if cidr {
		flag = 1
	}
	dst = append(dst, a.family(), a.Bits, flag, byte(a.size()))
	return append(dst, a.Addr[:a.size()]...)
}

// ParseInet reads the text form of an inet.
func ParseInet(s string) (Inet, error) { return parseInet(s, false) }

// ParseCidr reads the text form of a cidr.
func ParseCidr(s string) (Inet, error) { return parseInet(s, true) }

func parseInet(s string, cidr bool) (Inet, error) {
	name := "inet"
	if cidr {
		name = "cidr"
	}
	var a Inet
	var ok bool
	if strings.IndexByte(s, ':') >= 0 {
		a, ok = parseIPv6(s)
	} else {
		a, ok = parseIPv4(s, cidr)
	}
	if !ok {
		return Inet{}, pgerr.Newf(pgerr.InvalidTextRepresentation, "invalid input syntax for type %s: \"%s\"", name, s)
	}
	if cidr && a.hostBitsSet() {
		return Inet{}, pgerr.Newf(pgerr.InvalidTextRepresentation, "invalid cidr value: \"%s\"", s).
			WithDetail("Value has bits set to right of mask.")
	}
	return a, nil
}

// parseIPv4 reads up to four octets and /bits. A cidr may leave octets and bits out, and then the old network classes decide.
func parseIPv4(s string, cidr bool) (a Inet, ok bool) {
	octets := 0
	s, mask, hasMask := strings.Cut(s, "/")
	if cidr && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		if octets, ok = hexOctets(s[2:], &a); !ok {
			return a, false
		}
	} else {
		parts := strings.Split(s, ".")
		for i, p := range parts {
			if p == "" && i == len(parts)-1 && i > 0 && !cidr {
				break // a point at the end is overlooked
			}
			v, ok := smallNumber(p, 255, false)
			if !ok || octets == 4 {
				return a, false
			}
			a.Addr[octets] = byte(v)
			octets++
		}
	}
	n := -1
	if hasMask {
		if n, ok = smallNumber(mask, 32, false); !ok {
			return a, false
		}
	}
	switch {
	case n < 0 && cidr:
		n = classBits(a.Addr[0], octets)
	case n < 0:
		if octets != 4 {
			return a, false
		}
		n = 32
	case !cidr && n/8 > octets:
		return a, false
	}
	a.Bits = uint8(n)
	return a, true
}

// classBits is the mask of a cidr without one.
func classBits(first byte, octets int) int {
	n := 8
	switch {
	case first >= 240:
		n = 32
	case first >= 224:
		n = 8
	case first >= 192:
		n = 24
	case first >= 128:
		n = 16
	}
	n = max(n, octets*8)
	if n == 8 && first == 224 {
		n = 4
	}
	return n
}

// hexOctets reads the digits after 0x, an odd last one as the high half of an octet.
func hexOctets(s string, a *Inet) (octets int, ok bool) {
	for i := 0; i < len(s); i++ {
		h := hexDigit(s[i])
		if h < 0 || octets == 4 && i%2 == 0 {
			return 0, false
		}
		if i%2 == 0 {
			a.Addr[octets] = byte(h) << 4
			octets++
		} else {
			a.Addr[octets-1] |= byte(h)
		}
	}
	return octets, octets > 0
}

// smallNumber reads decimal digits up to a limit.
func smallNumber(s string, limit int, strict bool) (v int, ok bool) {
	if s == "" || strict && len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return 0, false
		}
		if v = v*10 + int(s[i]-'0'); v > limit {
			return 0, false
		}
	}
	return v, true
}

// parseIPv6 reads groups of hexadecimal digits, one :: among them, the last two perhaps as an IPv4 address, and /bits.
func parseIPv6(s string) (a Inet, ok bool) {
	a.V6 = true
	s, mask, hasMask := strings.Cut(s, "/")
	n := 128
	if hasMask {
		if n, ok = smallNumber(mask, 128, true); !ok {
			return a, false
		}
	}
	a.Bits = uint8(n)
	at, gap := 0, -1
	if strings.HasPrefix(s, "::") {
		gap, s = 0, s[2:]
	} else if s == "" || s[0] == ':' {
		return a, false
	}
	for s != "" {
		end := strings.IndexByte(s, ':')
		group := s
		if end >= 0 {
			group = s[:end]
		}
		if strings.IndexByte(group, '.') >= 0 {
			if end >= 0 || at > 12 || !embeddedIPv4(group, a.Addr[at:at+4]) {
				return a, false
			}
			at += 4
			break
		}
		if group == "" || len(group) > 4 || at > 14 {
			return a, false
		}
		v, err := strconv.ParseUint(group, 16, 16)
		if err != nil {
			return a, false
		}
		binary.BigEndian.PutUint16(a.Addr[at:], uint16(v))
		at += 2
		if end < 0 {
			break
		}
		s = s[end+1:]
		if s == "" {
			return a, false
		}
		if s[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap, s = at, s[1:]
		}
	}
	if gap < 0 {
		return a, at == 16
	}
	if at == 16 {
		return a, false
	}
	tail := at - gap
	copy(a.Addr[16-tail:], a.Addr[gap:at])
	clear(a.Addr[gap : 16-tail])
	return a, true
}

// embeddedIPv4 reads the end of an IPv6 address in IPv4's style; PostgreSQL takes fewer than four octets, too.
func embeddedIPv4(s string, dst []byte) bool {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return false
	}
	for i, p := range parts {
		if p == "" && i < len(parts)-1 {
			continue
		}
		v, ok := smallNumber(p, 255, true)
		if !ok {
			return false
		}
		dst[i] = byte(v)
	}
	return true
}

// appendHost appends the address without its mask.
func (a Inet) appendHost(dst []byte) []byte {
	if !a.V6 {
		return appendIPv4(dst, a.Addr[:4])
	}
	var words [8]uint16
	best, bestLen, cur, curLen := -1, 0, -1, 0
	for i := range words {
		words[i] = binary.BigEndian.Uint16(a.Addr[2*i:])
		if words[i] != 0 {
			cur, curLen = -1, 0
			continue
		}
		if cur < 0 {
			cur = i
		}
		if curLen++; curLen > bestLen {
			best, bestLen = cur, curLen
		}
	}
	if bestLen < 2 {
		best = -1
	}
	for i := 0; i < 8; i++ {
		if best >= 0 && i >= best && i < best+bestLen {
			if i == best {
				dst = append(dst, ':')
			}
			continue
		}
		if i != 0 {
			dst = append(dst, ':')
		}
		if i == 6 && best == 0 && (bestLen == 6 || bestLen == 7 && words[7] != 1 || bestLen == 5 && words[5] == 0xffff) {
			return appendIPv4(dst, a.Addr[12:16])
		}
		dst = strconv.AppendUint(dst, uint64(words[i]), 16)
	}
	if best >= 0 && best+bestLen == 8 {
		dst = append(dst, ':')
	}
	return dst
}

func appendIPv4(dst []byte, b []byte) []byte {
	for i, o := range b {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(o), 10)
	}
	return dst
}

// appendText appends the text form; a cidr always has its mask, an inet one that is not the whole address.
func (a Inet) appendText(dst []byte, cidr bool) []byte {
	dst = a.appendHost(dst)
	if cidr || int(a.Bits) != a.maxBits() {
		dst = strconv.AppendUint(append(dst, '/'), uint64(a.Bits), 10)
	}
	return dst
}

// Host is host(inet).
func (a Inet) Host() string { return string(a.appendHost(nil)) }

// Text is text(inet): the address with its mask, always.
func (a Inet) Text() string { return string(a.appendText(nil, true)) }

// Abbrev is abbrev(inet).
func (a Inet) Abbrev() string { return string(a.appendText(nil, false)) }

// AbbrevCidr is abbrev(cidr): only the octets or words that the mask covers.
func (a Inet) AbbrevCidr() string {
	var dst []byte
	if a.V6 {
		dst = a.abbrevV6(dst)
	} else {
		n := (int(a.Bits) + 7) / 8
		net := a.Network()
		if n == 0 {
			dst = append(dst, '0')
		}
		dst = appendIPv4(dst, net.Addr[:n])
	}
	return string(strconv.AppendUint(append(dst, '/'), uint64(a.Bits), 10))
}

// abbrevV6 follows PostgreSQL's own rules for where zeros are left out, which differ from those of appendHost.
func (a Inet) abbrevV6(dst []byte) []byte {
	if a.Bits == 0 {
		return append(dst, "::"...)
	}
	net := a.Network()
	s := net.Addr[:]
	words := max((int(a.Bits)+15)/16, 2)
	zeroStart, zeroLen, start, length := 0, 0, 0, 0
	for i := range words {
		if s[2*i]|s[2*i+1] == 0 {
			if length == 0 {
				start = i
			}
			length++
		} else if zeroLen < length {
			zeroStart, zeroLen, length = start, length, 0
		}
	}
	if zeroLen < length {
		zeroStart, zeroLen = start, length
	}
	v4 := zeroLen != words && zeroStart == 0 &&
		(zeroLen == 6 || zeroLen == 5 && s[10] == 0xff && s[11] == 0xff || zeroLen == 7 && s[14] != 0 && s[15] != 1)
	from := len(dst)
	for p := range words {
		switch {
		case zeroLen != 0 && p >= zeroStart && p < zeroStart+zeroLen:
			if p == zeroStart {
				dst = append(dst, ':')
			}
			if p == words-1 {
				dst = append(dst, ':')
			}
		case v4 && p > 5:
			if p == 6 {
				dst = append(dst, ':')
			} else {
				dst = append(dst, '.')
			}
			dst = strconv.AppendUint(dst, uint64(s[2*p]), 10)
			if p != 7 || a.Bits > 120 {
				dst = strconv.AppendUint(append(dst, '.'), uint64(s[2*p+1]), 10)
			}
		default:
			if len(dst) > from {
				dst = append(dst, ':')
			}
			dst = strconv.AppendUint(dst, uint64(s[2*p])<<8|uint64(s[2*p+1]), 16)
		}
	}
	return dst
}

// mask returns the address of a mask of n bits.
func (a Inet) mask(n int) (m [16]byte) {
	for i := range n {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

// Network is network(inet): the address with the host's bits cleared; a cidr. It is the cast to cidr, too.
func (a Inet) Network() Inet {
	m := a.mask(int(a.Bits))
	for i := range a.Addr {
		a.Addr[i] &= m[i]
	}
	return a
}

// Broadcast is broadcast(inet): the address with the host's bits set.
func (a Inet) Broadcast() Inet {
	m := a.mask(int(a.Bits))
	for i := range a.size() {
		a.Addr[i] |= ^m[i]
	}
	return a
}

// Netmask is netmask(inet).
func (a Inet) Netmask() Inet {
	return Inet{V6: a.V6, Bits: uint8(a.maxBits()), Addr: a.mask(int(a.Bits))}
}

// Hostmask is hostmask(inet).
func (a Inet) Hostmask() Inet {
	m := a.Netmask()
	for i := range m.size() {
		m.Addr[i] = ^m.Addr[i]
	}
	return m
}

// SetMasklen is set_masklen(inet, n); -1 stands for all bits. For a cidr take Network of the result.
func (a Inet) SetMasklen(n int) (Inet, error) {
	if n == -1 {
		n = a.maxBits()
	}
	if n < 0 || n > a.maxBits() {
		return a, pgerr.Newf(pgerr.InvalidParameterValue, "invalid mask length: %d", n)
	}
	a.Bits = uint8(n)
	return a, nil
}

// Within is << (strictly) and <<=: a's network is inside b's.
func (a Inet) Within(b Inet, orEqual bool) bool {
	return a.V6 == b.V6 && (a.Bits > b.Bits || orEqual && a.Bits == b.Bits) && compareAddrBits(&a.Addr, &b.Addr, int(b.Bits)) == 0
}

// Overlaps is &&: one of the networks is inside the other.
func (a Inet) Overlaps(b Inet) bool {
	return a.V6 == b.V6 && compareAddrBits(&a.Addr, &b.Addr, int(min(a.Bits, b.Bits))) == 0
}

// Merge is inet_merge: the smallest network that holds both; a cidr.
func (a Inet) Merge(b Inet) (Inet, error) {
	if a.V6 != b.V6 {
		return a, pgerr.New(pgerr.InvalidParameterValue, "cannot merge addresses from different families")
	}
	a.Bits = uint8(commonBits(&a.Addr, &b.Addr, int(min(a.Bits, b.Bits))))
	return a.Network(), nil
}

// Not is ~.
func (a Inet) Not() Inet {
	for i := range a.size() {
		a.Addr[i] = ^a.Addr[i]
	}
	return a
}

// And is &.
func (a Inet) And(b Inet) (Inet, error) {
	return a.bitwise(b, "AND", func(x, y byte) byte { return x & y })
}

// Or is |.
func (a Inet) Or(b Inet) (Inet, error) {
	return a.bitwise(b, "OR", func(x, y byte) byte { return x | y })
}

func (a Inet) bitwise(b Inet, name string, f func(x, y byte) byte) (Inet, error) {
	if a.V6 != b.V6 {
		return a, pgerr.Newf(pgerr.InvalidParameterValue, "cannot %s inet values of different sizes", name)
	}
	for i := range a.size() {
		a.Addr[i] = f(a.Addr[i], b.Addr[i])
	}
	a.Bits = max(a.Bits, b.Bits)
	return a, nil
}

func errInetRange() error { return pgerr.New(pgerr.NumericValueOutOfRange, "result is out of range") }

// Add is inet + bigint.
func (a Inet) Add(n int64) (Inet, error) {
	sum := new(big.Int).SetBytes(a.Addr[:a.size()])
	sum.Add(sum, big.NewInt(n))
	if sum.Sign() < 0 || sum.BitLen() > a.maxBits() {
		return a, errInetRange()
	}
	sum.FillBytes(a.Addr[:a.size()])
	return a, nil
}

// SubInt is inet - bigint. The smallest bigint, which has no negative, is added, as PostgreSQL does.
func (a Inet) SubInt(n int64) (Inet, error) { return a.Add(-n) }

// Sub is inet - inet.
func (a Inet) Sub(b Inet) (int64, error) {
	if a.V6 != b.V6 {
		return 0, pgerr.New(pgerr.InvalidParameterValue, "cannot subtract inet values of different sizes")
	}
	d := new(big.Int).SetBytes(a.Addr[:a.size()])
	d.Sub(d, new(big.Int).SetBytes(b.Addr[:b.size()]))
	if !d.IsInt64() {
		return 0, errInetRange()
	}
	return d.Int64(), nil
}
