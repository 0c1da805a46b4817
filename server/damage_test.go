package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kimberlite/internal/seeds"
	"kimberlite/sql/pgerr"
)

// flipBit changes one bit of a file.
func flipBit(t *testing.T, fs vfs.FS, name string, offset int64, bit int) {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	b[offset] ^= 1 << bit
	if f, err = fs.Create(name, vfs.WriteCategoryUnspecified); err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// copyOf is another disk with the same files.
func copyOf(disk *vfs.MemFS) *vfs.MemFS {
	return disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}

// files lists the files of a directory that are not empty, with their sizes.
func files(t *testing.T, fs vfs.FS, dir string) (names []string, sizes map[string]int64) {
	t.Helper()
	list, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	sizes = map[string]int64{}
	for _, name := range list {
		info, err := fs.Stat(path.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 0 && !info.IsDir() {
			names, sizes[name] = append(names, name), info.Size()
		}
	}
	return names, sizes
}

// filled is a disk with a stopped node's data: a table of 3000 rows, in several segments and sorted tables.
func filled(t *testing.T, dir string) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewCrashableMem()
	for life := range 3 {
		n := openOn(t, disk, dir)
		if n == nil {
			t.FailNow()
		}
		c := connectTo(t, n)
		if life == 0 {
			mustRun(t, c, "CREATE TABLE t (a int PRIMARY KEY, b text)")
		}
		mustRun(t, c, fmt.Sprintf("INSERT INTO t SELECT i, md5(i::text) FROM generate_series(%d, %d) AS i", life*1000+1, life*1000+1000))
		mustRun(t, c, fmt.Sprintf("UPDATE t SET b = 'changed' WHERE a %% 10 = %d", life))
		_ = c.Close(context.Background())
		n.Stop()
	}
	return disk
}

func openOn(t *testing.T, disk vfs.FS, dir string) *Node {
	t.Helper()
	n, err := start(testConfig(t, dir, "--storage-segment-size", "64KiB"), testLoggers(t), nil, parts{disk, newEngine})
	var r *Refusal
	if errors.As(err, &r) && strings.Contains(r.Text+r.Hint, "kimberlite-admin rebuild") {
		return nil
	}
	if err != nil {
		t.Fatalf("refused without a remedy: %v", err)
	}
	return n
}

func connectTo(t *testing.T, n *Node) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), "postgres://postgres@"+n.Addr()+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustRun(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// contents reads the table in one of several ways; damage is an error XX001 and nothing else.
func contents(t *testing.T, n *Node) (rows string, damaged bool) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, "postgres://postgres@"+n.Addr()+"/postgres?sslmode=disable")
	if err == nil {
		defer c.Close(ctx)
		err = c.QueryRow(ctx, "SELECT count(*) || ' ' || md5(string_agg(a || b, ',' ORDER BY a)) || ' ' || (SELECT count(*) FROM t AS u WHERE a BETWEEN 100 AND 2900) FROM t").Scan(&rows)
	}
	if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) && pe.Code == pgerr.DataCorrupted {
		return "", true
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows, false
}

// TestFlippedBitInProjections: wherever a bit of the projections' files is wrong, the start is refused with the remedy, or reading and verifying give an error, or
// nothing of it is used: never a wrong row. Damage is counted.
func TestFlippedBitInProjections(t *testing.T) {
	dir := "/srv/data"
	disk := filled(t, dir)
	store := path.Join(dir, projectionsDir)
	n := openOn(t, copyOf(disk), dir)
	want, _ := contents(t, n)
	n.Stop()
	refused, found, unused := 0, 0, 0
	seeds.Each(t, 40, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 6))
		damaged := copyOf(disk)
		names, sizes := files(t, damaged, store)
		name := names[rng.IntN(len(names))]
		offset := rng.Int64N(sizes[name])
		flipBit(t, damaged, path.Join(store, name), offset, rng.IntN(8))
		n := openOn(t, damaged, dir)
		if n == nil {
			refused++
			return
		}
		defer n.Stop()
		rows, bad := contents(t, n)
		if !bad && rows != want {
			t.Errorf("seed %d: a bit of %s at %d is wrong, and so are the rows: %s", seed, name, offset, rows)
		}
		for _, row := range n.verify(context.Background()) {
			if !row[3].IsTrue() {
				bad = true
				if !strings.Contains(row[4].S, "rebuild") {
					t.Errorf("seed %d: no remedy in %q", seed, row[4].S)
				}
			}
		}
		if bad && n.metrics.checksumFailures.Load() == 0 {
			t.Errorf("seed %d: damage of %s at %d was not counted", seed, name, offset)
		}
		if bad {
			found++
		} else {
			unused++
		}
	})
	t.Logf("%d refused, %d found by reading, %d in bytes that nobody needs", refused, found, unused)
}

// TestFlippedBitInTheLog: verify() names segment, offset and position of a wrong bit in a segment that is at rest; the metric counts it and rows stay right.
func TestFlippedBitInTheLog(t *testing.T) {
	dir := "/srv/data"
	disk := filled(t, dir)
	n := openOn(t, disk, dir)
	defer n.Stop()
	want, _ := contents(t, n)
	segment := n.log.Segments()[0]
	_, sizes := files(t, disk, path.Join(dir, "log"))
	flipBit(t, disk, path.Join(dir, "log", segment.Name), sizes[segment.Name]/2, 3)
	row := n.verify(context.Background())[0]
	if row[3].IsTrue() {
		t.Fatal("verify() found nothing")
	}
	for _, part := range []string{segment.Name, "offset", "position"} {
		if !strings.Contains(row[4].S, part) {
			t.Errorf("%q does not name %s", row[4].S, part)
		}
	}
	if n.metrics.checksumFailures.Load() == 0 {
		t.Error("the damage was not counted")
	}
	if rows, bad := contents(t, n); bad || rows != want {
		t.Error("the rows are not right any more:", rows)
	}
}
