# One line per thing that a truth or a listing (both jsonl) says, for sort and diff. -v what=:
#   big: rows of the big-pool table; live: of these the ones in use, as a scan lists them;
#   tag: counters of the tracker; paged-out: headers in use in pages of the page file; header: headers in use, with where they are mapped; content: those
#   inside a big allocation. load=1 in front of a file: only learn from it what is planted.

function text(key,    at, rest) {
    at = index($0, "\"" key "\":")
    if (at == 0)
        return ""
    rest = substr($0, at + length(key) + 3)
    if (substr(rest, 1, 1) == "\"") {
        match(substr(rest, 2), /^([^"\\]|\\.)*/)
        return substr(rest, 2, RLENGTH)
    }
    match(rest, /^[-0-9a-z]+/)
    return substr(rest, 1, RLENGTH)
}

# What is in no image has an address only.
function place() {
    return text("Offset") == "null" ? text("Allocation") : text("Offset")
}

# A mapped block in use of a classic page is allocated, nothing less; content of a big allocation is
# anything else.
function verdict() {
    if (what == "content")
        return !is_truth && state == "allocated" ? state : "-"
    return text("Allocator") == "classic" && text("Mapped") == "true" ? state : "-"
}

BEGIN {
    in_use["allocated"] = in_use["stale"] = in_use["Allocated"] = in_use["Stale"] = 1
}

{
    is_truth = index($0, "\"Component\":") == 0
    kind = is_truth ? text("Kind") : text("Source") ~ /^header/ ? "" : "big"
    state = tolower(text(is_truth ? "State" : "Status"))
    is_inside = text("InBigPool") != "null"
    big = text("Allocation") " " text("Tag") " " text("NumberOfBytes") " " text("PoolTypeRaw")
}

kind == "system" {
    next
}

load {
    if (kind == "" && (state in in_use))
        is_planted[place()] = 1
    next
}

# Tag bytes in text, or by chance: the scan says that there is hardly anything to it.
function is_chance() {
    return !is_truth && kind == "" && state != "allocated" && !(place() in is_planted) &&
        text("Confidence") + 0 <= 10
}

what == "paged-out" && kind == "" {
    if (!is_chance() && (state in in_use || state == "unknown") &&
        (is_truth ? text("PageFile") != "" && text("PageFile") != "null" : text("Offset") == "null"))
        print text("Allocation"), text("Tag"), text("NumberOfBytes")
    next
}

what == "tag" && (kind == "tag" || !is_truth) {
    print text("Tag"), text("NonPagedAllocs"), text("NonPagedFrees"), text("NonPagedDiff"), \
        text("NonPagedUsed"), text("PagedAllocs"), text("PagedFrees"), text("PagedDiff"), \
        text("PagedUsed")
    next
}

what == "big" && kind == "big" {
    print text("Slot"), text("EntryOffset"), big, state
}

what == "live" && kind == "big" && state == "allocated" {
    print big, text("Offset")
}

is_chance() {
    next
}

# What only the page file holds is in no image.
(what == "header" || what == "content") && kind == "" && text("Offset") != "null" &&
    is_inside == (what == "content") && (state in in_use || !is_truth) {
    print text("Offset"), text("Allocation"), text("Mapped"), text("InBigPool"), text("Tag"),
        text("NumberOfBytes"), verdict()
}
