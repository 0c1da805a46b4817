package config

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"kimberlite/server/logging"
)

// value reads and prints one field of a Config. Texts are what flags and environment variables carry; a TOML value is turned into one first.
type value struct {
	set    func(text string) error
	get    func() string
	kind   string // for --help: string, int, duration, size, bool, list
	isList bool
	quoted bool // shown in quotes as TOML
}

// required refuses the empty text.
func (v value) required() value {
	set := v.set
	v.set = func(text string) error {
		if strings.TrimSpace(text) == "" {
			return fmt.Errorf("must not be empty")
		}
		return set(text)
	}
	return v
}

func text(p *string) value {
	return value{kind: "string", quoted: true, get: func() string { return *p }, set: func(s string) error {
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("contains a zero byte")
		}
		*p = s
		return nil
	}}
}

// optionalAddress is an address that may be empty or "off": the thing is not wanted then.
func optionalAddress(p *string) value {
	v := address(p)
	set := v.set
	v.set = func(s string) error {
		if s == "" || s == "off" {
			*p = ""
			return nil
		}
		return set(s)
	}
	return v
}

func address(p *string) value {
	return value{kind: "host:port", quoted: true, get: func() string { return *p }, set: func(s string) error {
		err := checkAddress(s)
		if err == nil {
			*p = s
		}
		return err
	}}
}

func checkAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no address of the form host:port", s)
	case strings.ContainsAny(host, " /"):
		return fmt.Errorf("%q: %q is no host", s, host)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: the port must be a number from 0 to 65535", s)
	}
	return nil
}

func number(p *uint64, lowest, highest uint64) value {
	return value{kind: "int", get: func() string { return strconv.FormatUint(*p, 10) }, set: func(s string) error {
		n, err := strconv.ParseUint(strings.ReplaceAll(s, "_", ""), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number", s)
		}
		if n < lowest || n > highest {
			return fmt.Errorf("%d is outside the valid range (%d .. %d)", n, lowest, highest)
		}
		*p = n
		return nil
	}}
}

func boolean(p *bool) value {
	return value{kind: "bool", get: func() string { return strconv.FormatBool(*p) }, set: func(s string) error {
		switch strings.ToLower(s) {
		case "true", "on", "yes", "1":
			*p = true
		case "false", "off", "no", "0":
			*p = false
		default:
			return fmt.Errorf("%q is neither true nor false", s)
		}
		return nil
	}}
}

func enum(p *string, words ...string) value {
	return value{kind: strings.Join(words, "|"), quoted: true, get: func() string { return *p }, set: func(s string) error {
		if !slices.Contains(words, s) {
			return fmt.Errorf("%q is not one of %s", s, strings.Join(words, ", "))
		}
		*p = s
		return nil
	}}
}

func textList(p *[]string) value {
	return value{kind: "list", isList: true, get: func() string { return strings.Join(*p, ",") }, set: func(s string) error {
		var list []string
		for _, item := range strings.Split(s, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		*p = list
		return nil
	}}
}

// addressList is a list of host:port.
func addressList(p *[]string) value {
	v := textList(p)
	set := v.set
	v.set = func(s string) error {
		if err := set(s); err != nil {
			return err
		}
		for _, a := range *p {
			if err := checkAddress(a); err != nil {
				return err
			}
		}
		return nil
	}
	return v
}

func duration(p *time.Duration, lowest, highest time.Duration) value {
	return value{kind: "duration", quoted: true, get: func() string { return printDuration(*p) }, set: func(s string) error {
		d, err := parseDuration(s)
		if err != nil {
			return err
		}
		if lowest < 0 && d < 0 {
			d = -time.Millisecond // "off", however it was written
		}
		if d < lowest && lowest >= 0 || d > highest {
			return fmt.Errorf("%s is outside the valid range (%s .. %s)", s, printDuration(lowest), printDuration(highest))
		}
		*p = d
		return nil
	}}
}

// parseDuration understands Go's form (1m30s), days (7d) and 0 and -1 without a unit.
func parseDuration(s string) (time.Duration, error) {
	if s == "0" || s == "-1" {
		n, _ := strconv.Atoi(s)
		return time.Duration(n) * time.Millisecond, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration such as 250ms, 30s, 5m, 12h or 7d", s)
	}
	return d, nil
}

func printDuration(d time.Duration) string {
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// sizeUnits are powers of 1024; PostgreSQL's kB, MB, GB mean the same.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"KB", 1 << 10},
	{"B", 1}, {"", 1},
}

func size(p *int64, lowest, highest int64) value {
	return value{kind: "size", quoted: true, get: func() string { return printSize(*p) }, set: func(s string) error {
		n, err := parseSize(s)
		if err != nil {
			return err
		}
		if n < lowest || n > highest {
			return fmt.Errorf("%s is outside the valid range (%s .. %s)", s, printSize(lowest), printSize(highest))
		}
		*p = n
		return nil
	}}
}

func parseSize(s string) (int64, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimSpace(digits), "_", ""), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes {
			break
		}
		return n * u.bytes, nil
	}
	return 0, fmt.Errorf("%q is no size such as 512KiB, 64MiB or 4GiB", s)
}

func printSize(n int64) string {
	if n != 0 {
		for _, u := range sizeUnits[:4] {
			if n%u.bytes == 0 {
				return strconv.FormatInt(n/u.bytes, 10) + u.name
			}
		}
	}
	return strconv.FormatInt(n, 10)
}

func logLevels(p *string) value {
	return value{kind: "levels", quoted: true, get: func() string { return *p }, set: func(s string) error {
		if _, err := logging.ParseLevels(s); err != nil {
			return err
		}
		*p = s
		return nil
	}}
}
