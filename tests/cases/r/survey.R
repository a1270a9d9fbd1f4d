# Reference values for surveyapp's weights and margins, from R's survey package (Lumley).
#
#   Rscript tests/cases/r/survey.R        # Debian: r-base-core r-cran-survey r-cran-mass; writes survey.json beside this file
#
# Not needed to run the tests. The `api` data of the package (California schools, GPL-2 | GPL-3) are not copied: the
# file holds counts and sums of them by group, and the values. The made-up frame is drawn here and written out whole.

suppressMessages(library(survey))
options(survey.lonely.psu = "adjust", digits = 17)
data(api)

# ── writing ──────────────────────────────────────────────────────────────────

json <- function(x) {
  if (is.null(x)) return("null")
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[", paste(parts, collapse = ", "), "]"))
    return(paste0("{", paste0('"', names(x), '": ', parts, collapse = ",\n "), "}"))
  }
  if (is.factor(x)) x <- as.character(x)
  one <- if (is.character(x)) paste0('"', x, '"') else ifelse(is.finite(x), sprintf("%.17g", as.numeric(x)), "null")
  if (length(x) == 1 && !inherits(x, "AsIs")) one else paste0("[", paste(one, collapse = ", "), "]")
}
rows <- function(m) lapply(seq_len(nrow(m)), function(i) I(unname(m[i, ])))

# ── what is asked of each design ─────────────────────────────────────────────

# An estimate with its error; limits are R's own t limits, used for means and totals.
estimate <- function(s, df) {
  se <- as.numeric(SE(s))
  limits <- confint(s, df = df)
  list(value = as.numeric(coef(s))[1], se = se[1], df = df, low = limits[1, 1], high = limits[1, 2])
}

# Counts of TRUE by group.
by_group <- function(x, group) I(as.numeric(tapply(x, group, sum)))

share <- function(design, yes, domain, group) {
  design$variables$.y <- as.numeric(yes)
  within <- design[domain, ]
  found <- estimate(svymean(~.y, within), degf(within))
  found[c("low", "high")] <- NULL
  c(list(yes = by_group(yes & domain, group), domain = by_group(domain, group)), found)
}

number <- function(design, y, domain, group) {
  design$variables$.y <- ifelse(domain, y, 0)
  within <- design[domain, ]
  list(
    n = by_group(domain, group), y = by_group(ifelse(domain, y, 0), group),
    yy = by_group(ifelse(domain, y^2, 0), group),
    mean = estimate(svymean(~.y, within), degf(within)),
    total = estimate(svytotal(~.y, within), degf(within))
  )
}

ratio <- function(design, y, x, domain, group) {
  design$variables$.y <- y
  design$variables$.x <- x
  within <- design[domain, ]
  of <- function(v) by_group(ifelse(domain, v, 0), group)
  list(
    n = by_group(domain, group), y = of(y), x = of(x), yy = of(y^2), xy = of(x * y), xx = of(x^2),
    ratio = estimate(svyratio(~.y, ~.x, within), degf(within))
  )
}

median_and_quartile <- function(design, y, domain, group) {
  design$variables$.y <- y
  within <- design[domain, ]
  q <- svyquantile(~.y, within, c(0.25, 0.5), df = degf(within))[[1]]
  values <- sort(unique(y[domain]))
  counts <- t(sapply(values, function(v) as.numeric(tapply(domain & y == v, group, sum))))
  if (length(unique(group)) == 1) counts <- t(counts)
  list(values = I(values), counts = rows(counts), quantile = I(unname(q[, 1])), low = I(unname(q[, 2])),
       high = I(unname(q[, 3])), se = I(unname(q[, 4])))
}

association <- function(design, row, column, domain, group) {
  row <- factor(ifelse(domain, as.character(row), NA))
  column <- factor(ifelse(domain, as.character(column), NA))
  design$variables$.r <- row
  design$variables$.c <- column
  within <- design[domain, ]
  test <- svychisq(~.r + .c, within)
  # svychisq counts all respondents of a calibrated design here, the domain alone otherwise; we always do the latter.
  ndf <- unname(test$parameter[1])
  ddf <- ndf * degf(within)
  counts <- lapply(levels(factor(row)), function(r) lapply(levels(factor(column)), function(c)
    by_group(domain & row %in% r & column %in% c, group)))
  list(counts = counts, f = unname(test$statistic), ndf = ndf, ddf = ddf,
       p_value = unname(pf(test$statistic, ndf, ddf, lower.tail = FALSE)))
}

# The difference of two shares whose columns may overlap, from the covariance of their influence.
contrast <- function(design, yes, first, second, group) {
  design$variables$.y1 <- as.numeric(yes & first)
  design$variables$.y2 <- as.numeric(yes & second)
  design$variables$.x1 <- as.numeric(first)
  design$variables$.x2 <- as.numeric(second)
  totals <- svytotal(~.y1 + .x1 + .y2 + .x2, design)
  d <- svycontrast(totals, quote(.y1 / .x1 - .y2 / .x2))
  list(yes = list(by_group(yes & first, group), by_group(yes & second, group)),
       domain = list(by_group(first, group), by_group(second, group)),
       both = by_group(first & second, group), yes_both = by_group(yes & first & second, group),
       difference = as.numeric(coef(d)), se = as.numeric(SE(d)))
}

shape <- function(design, group, stratum, populations, margins = list(), base = NULL) {
  w <- weights(design)
  list(
    sizes = by_group(rep(TRUE, length(w)), group),
    weights = I(as.numeric(tapply(w, group, mean))),
    base = I(as.numeric(tapply(if (is.null(base)) w else base, group, mean))),
    stratum = I(as.numeric(tapply(stratum, group, min)) - 1),
    populations = I(as.numeric(populations)),
    margins = lapply(margins, function(m) I(as.numeric(tapply(as.integer(factor(m)), group, min)) - 1))
  )
}

# ── the api data ─────────────────────────────────────────────────────────────

api <- function(design, group, stratum, populations, margins = list(), base = NULL) {
  d <- design$variables
  group <- factor(group)
  all <- rep(TRUE, nrow(d))
  high <- d$stype == "H"
  yes <- d$sch.wide == "Yes"
  list(
    design = shape(design, group, stratum, populations, margins, base),
    shares = list(
      share(design, yes, all, group),
      share(design, d$comp.imp == "Yes", all, group),
      share(design, yes, high, group),
      share(design, yes, d$awards == "Yes", group),
      share(design, d$api00 > 850, d$meals > 50, group)
    ),
    numbers = list(number(design, d$api00, all, group), number(design, d$enroll, d$stype != "E", group)),
    ratios = list(ratio(design, d$api.stu, d$enroll, all, group), ratio(design, d$api.stu, d$enroll, high, group)),
    quantiles = list(median_and_quartile(design, d$api00, all, group)),
    associations = list(
      association(design, d$stype, d$awards, all, group),
      association(design, d$stype, cut(d$meals, c(-1, 20, 50, 100)), d$comp.imp == "Yes", group)
    ),
    contrasts = list(
      contrast(design, yes, d$meals > 50, d$meals <= 50, group),
      contrast(design, yes, d$meals > 30, d$ell < 40, group)
    )
  )
}

whole <- nrow(apipop)
stypes <- c(table(apipop$stype))
one <- function(d) rep(1, nrow(d))

srs <- svydesign(id = ~1, fpc = ~fpc, data = apisrs)
strat <- svydesign(id = ~1, strata = ~stype, fpc = ~fpc, data = apistrat)
post <- postStratify(srs, ~stype, data.frame(stype = names(stypes), Freq = stypes))

yearround <- c(table(apipop$sch.wide))
raking <- calibrate(srs, ~stype + sch.wide, calfun = "raking", epsilon = 1e-13, maxit = 200,
  population = c(`(Intercept)` = whole, stypeH = stypes[["H"]], stypeM = stypes[["M"]],
                 sch.wideYes = yearround[["Yes"]]))

# Raked from unequal design weights: the stratified sample taken as one stratum.
uneven <- apistrat
uneven$all <- sum(stypes)
loose <- svydesign(id = ~1, weights = ~pw, fpc = ~all, data = uneven)
awards <- c(table(apipop$awards))
raking_uneven <- calibrate(loose, ~sch.wide + awards, calfun = "raking", epsilon = 1e-13, maxit = 200,
  population = c(`(Intercept)` = whole, sch.wideYes = yearround[["Yes"]], awardsYes = awards[["Yes"]]))

# ── a made-up frame ──────────────────────────────────────────────────────────
#
# 142 units in four strata: North, 11 answers of 40; South, 8 of 8, a census; East, 1 of 20; West, 41 of 74.
# `q1` is asked of all and left blank by some; `q2` of those with q1 = a alone; `amount` is left blank by some.

set.seed(142)
units <- c(North = 40, South = 8, East = 20, West = 74)
heard <- c(North = 11, South = 8, East = 1, West = 41)
made <- data.frame(region = rep(names(heard), heard), stringsAsFactors = FALSE)
n <- nrow(made)
made$kind <- sample(c("police", "health"), n, TRUE, c(0.4, 0.6))
made$q1 <- sample(c("a", "b", "c", ""), n, TRUE, c(0.5, 0.25, 0.15, 0.1))
made$q2 <- ifelse(made$q1 == "a", sample(c("yes", "no", ""), n, TRUE, c(0.5, 0.4, 0.1)), "-")
made$amount <- round(rexp(n, 1 / 40))
made$amount[sample(n, 6)] <- NA
made$N <- units[made$region]
made$all <- sum(units)
made$region <- factor(made$region, names(units))

made_up <- function(design, group, stratum, populations, margins = list(), base = NULL) {
  d <- design$variables
  group <- factor(group)
  answered <- d$q1 != ""
  asked2 <- d$q2 %in% c("yes", "no")
  gave <- !is.na(d$amount)
  amount <- ifelse(gave, d$amount, 0)
  list(
    design = shape(design, group, stratum, populations, margins, base),
    shares = list(
      share(design, d$q1 == "a", answered, group), share(design, d$q1 %in% c("a", "b"), answered, group),
      share(design, d$q2 == "yes", asked2, group), share(design, d$q1 == "c", answered & d$kind == "police", group),
      share(design, d$q1 == "a", answered & d$region %in% c("South", "East"), group)
    ),
    numbers = list(number(design, amount, gave, group), number(design, amount, gave & d$kind == "health", group)),
    ratios = list(ratio(design, amount, as.numeric(d$q1 == "a") + 1, gave, group)),
    quantiles = list(median_and_quartile(design, amount, gave, group)),
    associations = list(association(design, d$q1, d$kind, answered, group)),
    contrasts = list(contrast(design, d$q1 == "a", answered & d$kind == "police", answered & d$kind == "health", group))
  )
}

plain <- svydesign(id = ~1, fpc = ~all, data = made)
strata <- svydesign(id = ~1, strata = ~region, fpc = ~N, data = made)
unweighted <- svydesign(id = ~1, strata = ~region, fpc = ~N, weights = ~one, data = transform(made, one = 1))
kinds <- c(health = 80, police = 62)
post_kind <- postStratify(plain, ~kind, data.frame(kind = names(kinds), Freq = kinds))
regions <- c(North = 40, rest = 102)
made$two <- factor(ifelse(made$region == "North", "North", "rest"))
plain2 <- svydesign(id = ~1, fpc = ~all, data = made)
raked <- calibrate(plain2, ~two + kind, calfun = "raking", epsilon = 1e-13, maxit = 200,
  population = c(`(Intercept)` = 142, tworest = 102, kindpolice = 62))

# ── all of it ────────────────────────────────────────────────────────────────

families <- list(c(0.01, 0.04, 0.03), c(0.2, 0.2, 0.001, 0.9, 0.5), 0.04, c(1, 0, 0.013, 0.012, 0.011, 0.0001))

values <- list(
  made_with = list(R = R.version.string, survey = as.character(packageVersion("survey"))),
  designs = list(
    api_srs = api(srs, one(apisrs), one(apisrs), whole),
    api_strat = api(strat, apistrat$stype, as.integer(apistrat$stype), stypes),
    api_post = api(post, apisrs$stype, one(apisrs), whole, list(apisrs$stype), weights(srs)),
    api_raked = api(raking, interaction(apisrs$stype, apisrs$sch.wide), one(apisrs), whole,
                    list(apisrs$stype, apisrs$sch.wide), weights(srs)),
    api_raked_uneven = api(raking_uneven, interaction(apistrat$sch.wide, apistrat$awards, apistrat$stype, drop = TRUE),
                           one(apistrat), whole, list(apistrat$sch.wide, apistrat$awards), weights(loose)),
    made_plain = made_up(plain, one(made), one(made), 142),
    made_strata = made_up(strata, made$region, as.integer(made$region), units),
    made_unweighted = made_up(unweighted, made$region, as.integer(made$region), units),
    made_post = made_up(post_kind, made$kind, one(made), 142, list(made$kind), weights(plain)),
    made_raked = made_up(raked, interaction(made$two, made$kind, drop = TRUE), one(made), 142,
                         list(made$two, made$kind), weights(plain2))
  ),
  # The frame behind api_post and api_raked: units and answers in each cell of stype and sch.wide.
  api_frame = list(
    cell = levels(interaction(apipop$stype, apipop$sch.wide, sep = " / ")),
    units = I(c(table(interaction(apipop$stype, apipop$sch.wide)))),
    answers = I(c(table(interaction(apisrs$stype, apisrs$sch.wide)))),
    raked_by_rake = I(as.numeric(tapply(weights(rake(srs, list(~stype, ~sch.wide),
      list(data.frame(stype = names(stypes), Freq = stypes), data.frame(sch.wide = names(yearround), Freq = yearround)),
      control = list(maxit = 500, epsilon = 1e-13))), interaction(apisrs$stype, apisrs$sch.wide), mean)))
  ),
  holm = lapply(families, function(p) list(p = I(p), adjusted = I(p.adjust(p, "holm")))),
  made_up = list(region = made$region, kind = made$kind, q1 = made$q1, q2 = made$q2, amount = made$amount)
)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
writeLines(json(values), file.path(here, "survey.json"))
