package admin

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progressEvery is how often a bar is redrawn.
const progressEvery = 100 * time.Millisecond

// bar draws progress on a terminal; elsewhere it is silent.
type bar struct {
	w     io.Writer
	on    bool
	last  time.Time
	drawn bool
}

func newBar(w io.Writer) *bar {
	f, ok := w.(*os.File)
	if !ok {
		return &bar{w: w}
	}
	info, err := f.Stat()
	return &bar{w: w, on: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// draw shows what is done of how much.
func (b *bar) draw(label string, done, total int64, note string) {
	if !b.on || time.Since(b.last) < progressEvery {
		return
	}
	b.last, b.drawn = time.Now(), true
	share := 1.0
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
	}
	const width = 30
	full := int(share * width)
	fmt.Fprintf(b.w, "\r%-12s [%s%s] %3.0f%%  %s\x1b[K", label, strings.Repeat("=", full), strings.Repeat(" ", width-full), share*100, note)
}

// clear removes the bar.
func (b *bar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

// sizeText prints a size for people.
func sizeText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
