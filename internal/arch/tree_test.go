package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of our import paths.
const module = "mm2/"

// goFile is a Go file of the tree, read up to its imports.
type goFile struct {
	path    string // from the root, with slashes
	test    bool
	doc     *ast.CommentGroup
	imports []string // ours only, from the root
}

func (f goFile) dir() string { return path.Dir(f.path) }

// root is the directory of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// files calls visit with every file of the tree that is not ignored by git.
func files(t *testing.T, visit func(name, slashed string)) {
	t.Helper()
	dir := root(t)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(relative)
		switch {
		case entry.IsDir() && (slashed == ".git" || slashed == ".cache" || slashed == "bin"):
			return filepath.SkipDir
		case slashed == ".git": // of a worktree: a file that says where the directory is
		case entry.Type().IsRegular():
			visit(name, slashed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var found []goFile
	files(t, func(name, slashed string) {
		if path.Ext(slashed) != ".go" || strings.Contains(slashed, "testdata/") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		f := goFile{path: slashed, test: strings.HasSuffix(slashed, "_test.go"), doc: parsed.Doc}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(imported, module); ok {
				f.imports = append(f.imports, ours)
			}
		}
		found = append(found, f)
	})
	return found
}
