# The counts of tests/accuracy/run.sh as tables in Markdown. -v what=:
#   overview  one row for each image and mode but all-headers, at threshold -v at=N
#   recall, allocated, precision, wrong, pool
#             one row for each image, one column for each threshold; -v mode=NAME
#   others    what else is listed at -v at=N, and how much of it as Allocated; -v mode=NAME
#   worst     one row for each threshold: recall and pool of the image where they are lowest
#   check     no table, but "IMAGE MODE recall precision wrong allocated" at threshold -v at=N
# Figures are percentages; what only --show-free lists counts as not listed.

BEGIN {
    FS = ","
}

NR == 1 {
    for (i = 1; i <= NF; i++)
        column[$i] = i
    next
}

function get(name) {
    return $(column[name])
}

function listed(class) {
    return get(class "Allocated") + get(class "Free") + get(class "Stale") + get(class "Unknown")
}

function percent(part, whole) {
    return whole == 0 ? "-" : sprintf("%.2f", 100 * part / whole)
}

function all_allocated(    n) {
    n = get("liveAllocated") + get("freeAllocated") + get("staleAllocated")
    n += get("leftoverAllocated") + get("contentAllocated") + get("copyAllocated")
    return n + get("secondAllocated") + get("decoyAllocated") + get("unplannedAllocated")
}

# Freed blocks and leftovers reported as in use, blocks in use reported as freed.
function wrong_state() {
    return get("liveFree") + get("liveStale") + get("freeAllocated") + get("staleAllocated") + \
        get("leftoverAllocated")
}

function real_headers() {
    return listed("live") + listed("free") + listed("stale") + listed("leftover")
}

# What is listed, those that say themselves that they are free aside.
function shown(class) {
    return listed(class) - get(class "Free")
}

function value(which,    n) {
    if (which == "pool") {
        n = shown("live") + shown("stale") + shown("leftover") + shown("copy") + shown("second")
        return percent(n, n + shown("content") + shown("decoy") + shown("unplanned"))
    }
    if (which == "recall")
        return percent(shown("live"), get("live"))
    if (which == "allocated")
        return percent(get("liveAllocated"), get("live"))
    if (which == "precision")
        return percent(get("liveAllocated"), all_allocated())
    return percent(wrong_state(), real_headers())
}

what == "check" && $3 == at {
    print $1, $2, value("recall"), value("precision"), value("wrong"), value("allocated")
    next
}

# The lowest of all images; a figure of nothing is none.
function lowest(which,    v, key) {
    v = value(which)
    key = which SUBSEP $2 SUBSEP $3
    if (v != "-" && (!(key in least) || v + 0 < least[key] + 0))
        least[key] = v
}

what == "worst" {
    if (!($3 in is_threshold)) {
        is_threshold[$3] = 1
        threshold[n_thresholds++] = $3
    }
    lowest("recall")
    lowest("pool")
    next
}

what == "overview" && $3 == at && $2 != "all-headers" {
    if (!n_rows++) {
        print "| image | mode | live | recall | as `Allocated` | precision | wrong state |"
        print "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    }
    printf "| %s | %s | %d | %s | %s | %s | %s |\n", $1, $2, get("live"), value("recall"), \
        value("allocated"), value("precision"), value("wrong")
    next
}

what == "others" && $3 == at && $2 == mode {
    if (!n_rows++) {
        print "| image | stale | leftovers | copies | content | second | decoys | unplanned |"
        print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    }
    printf "| %s", $1
    n_kinds = split("stale leftover copy content second decoy unplanned", kind, " ")
    for (i = 1; i <= n_kinds; i++)
        printf " | %d, %d", shown(kind[i]), get(kind[i] "Allocated")
    print " |"
    next
}

what ~ /^(recall|allocated|precision|wrong|pool)$/ && $2 == mode {
    if (!($1 in row)) {
        order[n_images++] = $1
        row[$1] = "| " $1
    }
    if (n_images == 1) {
        head = head " | " $3
        rule = rule " | ---:"
    }
    row[$1] = row[$1] " | " value(what)
}

END {
    if (n_thresholds) {
        print "| threshold | recall, page tables | recall, physical only | pool, page tables | pool, physical only | pool, all headers |"
        print "| ---: | ---: | ---: | ---: | ---: | ---: |"
    }
    for (i = 0; i < n_thresholds; i++)
        printf "| %d | %s | %s | %s | %s | %s |\n", threshold[i], \
            least["recall", "tables", threshold[i]], least["recall", "physical-only", threshold[i]], \
            least["pool", "tables", threshold[i]], least["pool", "physical-only", threshold[i]], \
            least["pool", "all-headers", threshold[i]]
    if (n_images) {
        print "| image" head " |"
        print "| ---" rule " |"
    }
    for (i = 0; i < n_images; i++)
        print row[order[i]] " |"
}
