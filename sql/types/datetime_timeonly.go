package types

import "strings"

// timeOnly reads a time or timetz: a time of day, perhaps with a zone, perhaps after a date (which decides the offset of a named zone).
func (p *dateTimeParser) timeOnly(text string) (*civil, error) {
	if err := p.split(text); err != nil {
		return nil, err
	}
	p.half = -1
	for i := 0; i < p.n; i++ {
		got, skip, err := p.timeField(i)
		if err != nil {
			return nil, err
		}
		if skip {
			continue
		}
		if got&p.mask != 0 {
			return nil, dtBadFormat
		}
		p.mask |= got
	}
	if err := p.validateDate(); err != nil {
		return nil, err
	}
	if err := p.applyHalf(); err != nil {
		return nil, err
	}
	if p.c.overflowsDay() {
		return nil, dtFieldOverflow
	}
	if p.mask&maskTime != maskTime {
		return nil, dtBadFormat
	}
	return &p.c, p.timeZone()
}

// timeZone finds the offset of a time; without a date it is that of today.
func (p *dateTimeParser) timeZone() error {
	at := p.c
	switch {
	case p.zone != nil && p.dynZone == nil:
		if p.mask&bit(tokenDSTMod) != 0 {
			return dtBadFormat
		}
		if east, fixed := zoneIsFixed(p.zone); fixed {
			p.c.east = east
			return nil
		}
		if p.mask&maskDate != maskDate {
			return dtBadFormat
		}
	case p.dynZone != nil || p.mask&bit(tokenTZ) == 0:
		if p.mask&maskDate == 0 {
			now := civilIn(p.ctx.Now, p.ctx.TimeZone)
			at.year, at.mon, at.day = now.year, now.mon, now.day
		} else if p.mask&maskDate != maskDate {
			return dtBadFormat
		}
	default:
		return nil
	}
	return p.resolveZone(&at)
}

func (p *dateTimeParser) timeField(i int) (got uint32, skip bool, err error) {
	s := p.text[i]
	switch p.kind[i] {
	case dtDate:
		switch {
		case i == 0 && p.n >= 2 && (p.kind[p.n-1] == dtDate || p.kind[1] == dtTime):
			got, err = p.date(s)
		case isDigit(s[0]):
			p.unit = 0
			got, err = p.runTogetherWithZone(s, p.mask|maskDate)
		default:
			p.zone, _, err = LoadZone(s)
			got = bit(tokenTZ)
		}
	case dtTime:
		if p.unit != 0 {
			if p.unit != tokenTime {
				return 0, false, dtBadFormat
			}
			p.unit = 0
		}
		got, err = p.clock(s)
	case dtZone:
		p.c.east, err = parseOffset(s)
		got = bit(tokenTZ)
	case dtNumber:
		switch dot := strings.IndexByte(s, '.'); {
		case p.unit != 0:
			got, err = p.labelled(s, true)
		case dot >= 0 && i == 0 && p.n >= 2 && p.kind[p.n-1] == dtDate:
			got, err = p.date(s)
		case dot > 2:
			got, err = p.runTogether(s, p.mask|maskDate)
		case dot >= 0:
			err = dtBadFormat
		case len(s) > 4:
			got, err = p.runTogether(s, p.mask|maskDate)
		default:
			got, err = p.number(s, false, p.mask|maskDate)
		}
	default:
		return p.word(i, true)
	}
	return got, false, err
}
