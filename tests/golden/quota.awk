# truth.jsonl, then the findings of a scan of all headers: one line per planted block that names a
# process, and per finding that does, "right" or what is wrong with it.
#
# what=header: POOL_HEADERs by Offset. Blocks in use must name the planted process, unless the page is
# so damaged that another header seems to have the place; left-over headers may; none may name another
# one. Where nothing maps a page, nobody can tell. what=big: allocations of the big-pool table by
# Allocation.

function field(key,    at, s) {
    at = index($0, "\"" key "\":")
    if (!at)
        return ""
    s = substr($0, at + length(key) + 3)
    if (substr(s, 1, 1) == "\"")
        return substr(s, 2, index(substr(s, 2), "\"") - 1)
    sub(/[,}].*/, "", s)
    return s == "null" ? "" : s
}

BEGIN {
    name = what == "big" ? "Allocation" : "Offset"
}

FNR == 1 { n_files++ }

n_files == 1 {
    if ((field("Kind") == "big") != (what == "big") || (field("Kind") && what != "big"))
        next
    at = field(name)
    if (at == "")
        next
    planted[at] = field("Mapped") == "false" ? "" : field("Process")
    state[at] = field("State")
    next
}

(field("Source") == "bigpool") == (what == "big") {
    at = field(name)
    process = field("Process")
    if (index($0, "\"overlap\""))
        doubtful[at] = 1
    if (process == "")
        next
    found[at] = process
    if (!(at in planted))
        print "wrong: nothing is planted at " at ", which names " process
    else if (planted[at] != process)
        print "wrong: " at " is of " (planted[at] ? planted[at] : "nobody") ", said to be of " process
    else
        print "right"
}

END {
    for (at in planted)
        if (planted[at] && state[at] == "allocated" && !(at in found) && !(at in doubtful))
            print "wrong: " at " is of " planted[at] ", said to be of nobody"
}
