package consulnaming

// Of an answer a view looks at a few members, and package api decodes a hundred: that
// is most of what a change costs. So a transport that is ours hands on those few, for
// package api to decode as ever. The goroutine of a loop calls it.

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"
)

// thin reads a list of objects, and is the same list with fewer members. What is no
// list it hands on as it is. What is no JSON stays none, and what ends early ends early.
// Of a member that is left out only strings and brackets are looked at, to find its end.
type thin struct {
	io.Closer
	in    *bufio.Reader
	of    members      // of each object in the list
	began bool         // a list has
	whole bool         // what comes is handed on as it is: it is behind the list, or there is none
	out   bytes.Buffer // what is to be read
	err   error        // behind that
	raw   []byte       // what scan has read
}

var errNoJSON = errors.New("the answer is no JSON")

func newThin(body io.ReadCloser, of members) *thin {
	return &thin{Closer: body, in: bufio.NewReaderSize(body, 16<<10), of: of}
}

func (t *thin) Read(p []byte) (int, error) {
	for t.out.Len() == 0 && t.err == nil && !t.whole {
		t.err = t.next()
	}
	switch {
	case t.out.Len() > 0:
		return t.out.Read(p)
	case t.whole:
		return t.in.Read(p)
	}
	return 0, t.err
}

// next copies the next element of the list, and what is around it.
func (t *thin) next() error {
	c, err := t.peek()
	if err != nil {
		return err
	}
	switch {
	case t.began && c == ']':
		t.move()
		t.whole = true // to its end, or the connection is not used again
		return nil
	case t.began && c == ',':
		t.move()
	case t.began:
		return errNoJSON
	case c != '[':
		t.whole = true
		return nil
	default:
		t.began = true
		t.move()
		if c, err := t.peek(); err != nil || c == ']' {
			return err // and the end is the next round's
		}
	}
	return t.value(t.of)
}

// value copies a value, of an object the members m alone, or all if that is nil.
func (t *thin) value(m members) error {
	c, err := t.peek()
	if err != nil {
		return err
	}
	if m != nil && c == '{' {
		return t.object(m)
	}
	t.raw = t.raw[:0]
	err = t.scan(true)
	t.out.Write(t.raw)
	return err
}

// member copies the value of a member: of a list, the values that are in it. A list in a
// list has no members that are looked at: how deep they are does not matter.
func (t *thin) member(m members) error {
	c, err := t.peek()
	if err != nil {
		return err
	}
	if m == nil || c != '[' {
		return t.value(m)
	}
	t.move()
	if c, err = t.peek(); err != nil {
		return err
	}
	if c == ']' {
		t.move()
		return nil
	}
	for {
		if err := t.value(m); err != nil {
			return err
		}
		switch c, err := t.peek(); {
		case err != nil:
			return err
		case c == ']':
			t.move()
			return nil
		case c != ',':
			return errNoJSON
		}
		t.move()
	}
}

func (t *thin) object(m members) error {
	t.move()
	c, err := t.peek()
	if err != nil {
		return err
	}
	if c == '}' {
		t.move()
		return nil
	}
	for copied := 0; ; {
		t.raw = t.raw[:0]
		if err := t.scan(true); err != nil {
			return err
		}
		if c, err := t.peek(); err != nil || c != ':' || len(t.raw) < 2 || t.raw[0] != '"' {
			return cmp.Or(err, errNoJSON)
		}
		inner, ok := m.find(t.raw[1 : len(t.raw)-1])
		if ok {
			if copied++; copied > 1 {
				t.out.WriteByte(',')
			}
			t.out.Write(t.raw)
			t.move()
			if err := t.member(inner); err != nil {
				return err
			}
		} else {
			t.skip()
			if _, err := t.peek(); err != nil {
				return err
			}
			if err := t.scan(false); err != nil {
				return err
			}
		}
		switch c, err := t.peek(); {
		case err != nil:
			return err
		case c == '}':
			t.move()
			return nil
		case c != ',':
			return errNoJSON
		}
		t.skip()
		if _, err := t.peek(); err != nil {
			return err
		}
	}
}

// peek returns the next byte that is no white space, and leaves it there.
func (t *thin) peek() (byte, error) {
	for {
		c, err := t.in.ReadByte()
		if err != nil {
			return 0, err
		}
		if strings.IndexByte(" \t\r\n", c) < 0 {
			return c, t.in.UnreadByte()
		}
	}
}

// skip takes the byte that peek has returned, and move copies it.
func (t *thin) skip() byte { c, _ := t.in.ReadByte(); return c }
func (t *thin) move()      { t.out.WriteByte(t.skip()) }

// scan reads a value, as far as strings and brackets tell where it ends, and appends
// it to raw if it is to be kept.
func (t *thin) scan(keep bool) error {
	for depth, scalar := 0, false; ; {
		c, err := t.in.ReadByte()
		if err != nil {
			return err
		}
		if depth == 0 && strings.IndexByte(",:]} \t\r\n", c) >= 0 {
			return t.in.UnreadByte() // behind a number or a word
		}
		if keep {
			t.raw = append(t.raw, c)
		}
		switch c {
		case '"':
			err = t.text(keep)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			scalar = depth == 0
		}
		if err != nil || depth == 0 && !scalar {
			return err
		}
	}
}

// text reads the rest of a string.
func (t *thin) text(keep bool) error {
	for odd := false; ; { // number of backslashes before what is read next
		part, err := t.in.ReadSlice('"')
		if keep {
			t.raw = append(t.raw, part...)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		inner := bytes.TrimSuffix(part, []byte{'"'})
		run := len(inner) - len(bytes.TrimRight(inner, `\`))
		odd = run%2 == 1 != (odd && run == len(inner))
		if err == nil && !odd {
			return nil
		}
		odd = odd && err != nil // and a quote that is escaped ends the run
	}
}
