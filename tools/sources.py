"""What the compiler makes of the sources: who includes whom, which tokens are
left, and the conditionals that it was asked on the way."""
import os
import re
import shlex
import subprocess

MARKER = re.compile(r'# (\d+) "((?:\\.|[^"\\])*)"((?: \d)*)$')
CONDITIONALS = {"if", "ifdef", "ifndef", "elif", "elifdef", "elifndef", "else",
                "endif"}


class Unit:
    """One source or header, preprocessed by itself."""

    def __init__(self, tree, path):
        self.path, self.includes, self.lines = path, [], []
        run = subprocess.run(
            [*tree.compiler, "-E", os.path.join(tree.source, path)],
            capture_output=True, text=True)
        self.errors = [line for line in run.stderr.split("\n")
                       if "error:" in line] if run.returncode else []
        at, line = None, 0
        for text in run.stdout.split("\n"):
            marker = MARKER.match(text)
            if not marker:
                # Of the C library only what it opens matters.
                if at is not None and at[0] != "/" and text.strip():
                    self.lines.append((at, line, text))
                line += 1
                continue
            number, name, flags = marker.groups()
            seen = tree.name(name)
            if "1" in flags.split() and at is not None:
                # The line of the directive itself: markers may have skipped.
                self.includes.append((at, line, seen))
            at, line = seen, int(number)


class Tree:
    """The sources in SOURCE, as compiled into BUILD."""

    def __init__(self, source, build):
        self.source, self.build = source, build
        self.top = os.path.realpath(source)
        self.names = {}
        command = os.environ.get("TWIN_CC") or (
            "cc -std=gnu11 -ffreestanding -fpie -O2")
        self.compiler = [*shlex.split(command), f"-I{build or '.'}",
                         f"-I{os.path.join(source, 'src')}",
                         f"-I{os.path.join(source, 'tests')}",
                         f"-I{os.path.join(source, 'doc')}"]

    def name(self, path):
        """As src/pmm/pmm.h; absolute for what lies elsewhere."""
        if path not in self.names:
            self.names[path] = self.look_up(path)
        return self.names[path]

    def look_up(self, path):
        if path.startswith("<"):
            return None  # <built-in>, <command-line>
        real = os.path.realpath(path)
        if real.startswith(self.top + os.sep):
            return os.path.relpath(real, self.top)
        return real

    def files(self, *folders, endings=(".c", ".h", ".S", ".s")):
        for folder in folders:
            for at, _, names in sorted(os.walk(os.path.join(self.source,
                                                            folder))):
                for name in sorted(names):
                    if name.endswith(endings):
                        yield os.path.relpath(os.path.join(at, name),
                                              self.source)

    def text(self, path):
        with open(os.path.join(self.source, path), encoding="utf-8") as f:
            return f.read()


def logical_lines(text):
    """(number of the first, text) of each line as the preprocessor takes it:
    continued lines joined, digraphs and trigraphs replaced, comments and
    strings blanked."""
    numbers, joined = [], []
    parts = re.split(r"((?:\\|\?\?/)[ \t]*\n)", text)
    number = 1
    for i, part in enumerate(parts):
        if i % 2 == 0:
            joined.append(part)
            numbers += [number + part[:n].count("\n") for n in range(len(part))]
        number += part.count("\n")
    plain = re.sub(
        r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
        lambda m: re.sub(r"[^\n]", " ", m.group()), "".join(joined),
        flags=re.S)
    at = 0
    for line in plain.split("\n"):
        first = numbers[at] if at < len(numbers) else number
        yield first, line.replace("%:", "#").replace("??=", "#")
        at += len(line) + 1


def conditionals(text):
    """(line, words) of each conditional directive but an include guard's."""
    found, directives, code = [], [], []
    for number, line in logical_lines(text):
        match = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
        if match:
            directives.append((number, match.group(1), match.group(2).strip()))
        elif line.strip():
            code.append(number)
    asked = [d for d in directives if d[1] in CONDITIONALS]
    if is_guard(directives, asked, code):
        return []
    for number, word, rest in asked:
        found.append((number, f"#{word} {rest}".strip()))
    return found


def is_guard(directives, asked, code):
    """#ifndef X, #define X, all else, #endif; and no other question."""
    return (len(asked) == 2 and len(directives) >= 3
            and directives[0] == asked[0] and asked[0][1] == "ifndef"
            and directives[1][1:] == ("define", asked[0][2])
            and asked[0][2].endswith("_H")
            and directives[-1] == asked[1] and asked[1][1] == "endif"
            and all(directives[1][0] < n < asked[1][0] for n in code))
