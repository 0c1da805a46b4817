package tidy

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "kimberlite/"
)

// goFile is a file of the module with what it imports.
type goFile struct {
	path    string // from the root
	pkg     string // folder
	imports []string
	test    bool
}

// files returns all Go files of the project.
func files(t *testing.T) []goFile {
	t.Helper()
	var list []goFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		g := goFile{path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(name, "_test.go")}
		for _, i := range f.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			g.imports = append(g.imports, p)
		}
		list = append(list, g)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// in reports whether a package belongs to a list of packages and "prefix/" entries.
func in(pkg string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return p == pkg || strings.HasSuffix(p, "/") && strings.HasPrefix(pkg+"/", p) })
}

// violations applies the policy to a file; TestPolicyBites makes sure that it can find any.
func violations(f goFile) (found []string) {
	if f.test || strings.HasSuffix(f.pkg, "/gen") { // tests and generators may look everywhere
		return nil
	}
	for _, l := range layers {
		if !in(f.pkg, l.packages) {
			continue
		}
		for _, imp := range f.imports {
			target, own := strings.CutPrefix(imp, module)
			if own && !in(target, l.packages) && !in(target, l.may) {
				found = append(found, f.path+" imports "+target+": "+l.why)
			}
		}
	}
	for _, b := range bans {
		if !in(f.pkg, b.packages) {
			continue
		}
		for _, imp := range f.imports {
			if slices.Contains(b.imports, imp) {
				found = append(found, f.path+" imports "+imp+": "+b.why)
			}
		}
	}
	return found
}

func TestImportsRunOneWay(t *testing.T) {
	for _, f := range files(t) {
		for _, v := range violations(f) {
			t.Error(v)
		}
	}
}

func TestPolicyBites(t *testing.T) {
	for _, f := range []goFile{
		{path: "log/x.go", pkg: "log", imports: []string{module + "txn"}},
		{path: "exec/x.go", pkg: "exec", imports: []string{module + "planner"}},
		{path: "projections/x.go", pkg: "projections", imports: []string{"math/rand"}},
		{path: "sql/types/x.go", pkg: "sql/types", imports: []string{"net/http"}},
	} {
		if len(violations(f)) != 1 {
			t.Errorf("%s importing %s went unnoticed", f.path, f.imports[0])
		}
	}
}

// TestEveryPackageHasALayer keeps new packages from escaping the policy.
func TestEveryPackageHasALayer(t *testing.T) {
	free := []string{"cmd/", "server", "server/admin", "internal/", "compat-tests", "compat-tests/", "."}
	for _, f := range files(t) {
		known := f.test || strings.HasSuffix(f.pkg, "/gen") || in(f.pkg, free)
		for _, l := range layers {
			known = known || in(f.pkg, l.packages)
		}
		if !known {
			t.Errorf("%s: package %s has no layer in imports.go", f.path, f.pkg)
		}
	}
}

// TestMapNamesEveryFolder holds docs/map.md to the folders that there are, both ways.
func TestMapNamesEveryFolder(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "docs", "map.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	headings := regexp.MustCompile("(?m)^#+ `([^`]+)/`\n\n\\S")
	for _, m := range headings.FindAllSubmatch(b, -1) {
		named[string(m[1])] = true
	}
	want := map[string]bool{"docs": true, "deploy": true, "compat-tests": true}
	for _, f := range files(t) {
		if f.pkg == "." || strings.HasSuffix(f.pkg, "/gen") {
			continue
		}
		if top, _, _ := strings.Cut(f.pkg, "/"); top == "compat-tests" {
			continue
		}
		for dir := f.pkg; dir != "."; dir = filepath.ToSlash(filepath.Dir(dir)) {
			want[dir] = true
		}
	}
	for dir := range want {
		if !named[dir] {
			t.Errorf("docs/map.md has no paragraph for %s/", dir)
		}
	}
	for dir := range named {
		if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
			t.Errorf("docs/map.md tells of %s/, which is not there", dir)
		}
	}
}

// TestPackagesHaveAFrontDoor asks for a doc.go with a package comment in each package that ships.
func TestPackagesHaveAFrontDoor(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range files(t) {
		if f.test || f.pkg == "." || strings.HasPrefix(f.pkg, "cmd/") || strings.HasSuffix(f.pkg, "/gen") || strings.HasPrefix(f.pkg, "compat-tests") || seen[f.pkg] {
			continue
		}
		seen[f.pkg] = true
		b, err := os.ReadFile(filepath.Join(root, f.pkg, "doc.go"))
		if err != nil || !bytes.HasPrefix(b, []byte("// Package ")) {
			t.Errorf("%s has no doc.go that begins with a package comment", f.pkg)
		}
	}
}

// TestNothingNamesThisMachine keeps absolute paths of a developer's machine and unfinished business out of the code.
func TestNothingNamesThisMachine(t *testing.T) {
	unfinished := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X:)|/home/[a-z]+/`)
	for _, f := range files(t) {
		b, err := os.ReadFile(filepath.Join(root, f.path))
		if err != nil {
			t.Fatal(err)
		}
		if m := unfinished.Find(b); m != nil {
			t.Errorf("%s contains %q", f.path, m)
		}
	}
}
