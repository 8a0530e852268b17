# First file: what a recipe planted (mkimage --truth). Second file: what a scan found, copies
# included (jsonl). Each header in use must be found, and the evidence on its page must be what the frame is
# used for, in both directions. Prints one line of counts; exit status 1 if one of both fails.

function text(key,    at, rest) {
    at = index($0, "\"" key "\":")
    if (at == 0)
        return ""
    rest = substr($0, at + length(key) + 3)
    if (substr(rest, 1, 1) == "\"")
        return substr(rest, 2, index(substr(rest, 2), "\"") - 1)
    match(rest, /^[-0-9a-z]+/)
    return substr(rest, 1, RLENGTH)
}

function has(evidence) {
    return index($0, "\"" evidence "\"") > 0
}

function wrong(what) {
    if (n_wrong++ < 10)
        print what ": " offset " " use[offset]
}

function is_one(what, page_use) {
    if (has(what) != page_use)
        wrong(what (page_use ? " is missing" : " is wrong"))
    n[what] += has(what)
}

{
    offset = text("Offset")
}

FNR == 1 {
    part++
}

part == 1 && text("PageUse") != "" {
    use[offset] = text("PageUse")
    state[offset] = text("State")
    is_copy[offset] = text("Copy")
    mapped[offset] = text("Mapped")
    in_big[offset] = text("InBigPool")
}

part == 1 || !(offset in use) {
    next
}

{
    found[offset] = 1
    status = text("Status")
    is_one("user-page", use[offset] == "process")
    is_one("file-page", use[offset] == "file")
    n["free"] += use[offset] == "free" || use[offset] == "zeroed"
    is_one("unmapped", mapped[offset] == "false")
    if (use[offset] != "kernel" && status != "Stale" && status != "Free")
        wrong("status " status)
    if (use[offset] == "kernel" && in_big[offset] == "null" && status == "Stale" && \
        state[offset] != "stale" && state[offset] != "decoy")
        wrong("status " status)
    n["live"] += use[offset] == "kernel"
    n["copy"] += has("copy")
    # Two copies, of which the first one is the original because nothing maps either.
    if (has("copy") && is_copy[offset] != "true")
        wrong("no copy")
    if (mapped[offset] == "true" && use[offset] == "kernel" && has("copy"))
        wrong("a mapped page is a copy")
}

END {
    for (offset in use) {
        if ((state[offset] == "allocated" || state[offset] == "stale") && !(offset in found))
            wrong("not found")
    }
    for (what in n)
        printf " %s %d", what, n[what]
    for (i = split("user-page file-page free unmapped live copy", must, " "); i > 0; i--)
        if (n[must[i]] < 20)
            wrong("only " n[must[i]] " of " must[i])
    print n_wrong ? ", " n_wrong " wrong" : ""
    exit n_wrong > 0
}
