# First file: what a recipe planted (mkimage --truth). Second file: what a scan found (jsonl).
# Every header that is planted in use must be found with its tag and size, and nothing may be found
# where nothing is planted. Prints one line of counts; exit status 1 if one of both fails.
#
# -v hidden=REGEX: tags that the scan does not look for; free=1: free blocks are expected;
# chance=N: what is found in unplanned places is fine up to Confidence N, 13 if not said:
# a lone header whose tag is printable and no more.

BEGIN {
    if (chance == "")
        chance = 13
}

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

function wrong(what, offset) {
    if (n_wrong++ < 10)
        print what " at " offset ": " planted[offset]
}

{
    offset = text("Offset")
    header = text("TagRaw") " " text("NumberOfBytes")
}

FNR == 1 {
    part++
}

part == 1 {
    state[offset] = text("State")
    planted[offset] = header
    tag[offset] = text("Tag")
    is_copy[offset] = text("Copy") == "true"
    n_planted[state[offset]]++
    next
}

{
    confidence = text("Confidence") + 0
}

!(offset in state) && confidence <= chance {
    n_chance++
    next
}

!(offset in state) {
    planted[offset] = header
    wrong("nothing is planted", offset)
    next
}

offset in found {
    wrong("found twice", offset)
}

{
    found[offset] = 1
    if (is_copy[offset] != /"copy"[],]/)
        wrong("copy or no copy", offset)
    if (is_copy[offset] && (text("Status") == "Allocated" || text("Status") == "Unknown"))
        wrong(text("Status") " in a copy", offset)
    n_found[state[offset]]++
    if (state[offset] == "decoy" && confidence > best_decoy)
        best_decoy = confidence
    if (state[offset] != "decoy" && planted[offset] != header)
        wrong("found as " header, offset)
    if (state[offset] == "free" && !free)
        wrong("free, but found", offset)
}

END {
    for (offset in state) {
        needed = state[offset] == "allocated" || state[offset] == "stale" || \
            (free && state[offset] == "free")
        if (needed && !(offset in found) && !(hidden != "" && tag[offset] ~ hidden))
            wrong("not found", offset)
    }
    printf "allocated %d of %d, stale %d of %d, free %d of %d, " \
        "decoys %d of %d (confidence up to %d), by chance %d\n", \
        n_found["allocated"], n_planted["allocated"], n_found["stale"], n_planted["stale"], \
        n_found["free"], n_planted["free"], n_found["decoy"], n_planted["decoy"], \
        best_decoy, n_chance
    if (n_wrong > 0)
        print n_wrong " wrong"
    exit n_wrong > 0
}
