"""The one home of scoring: pure functions on arrays (units, indicators), from raw values to ranks.

    shrinkage -> screening -> imputation -> treatment and normalisation -> weights -> aggregation -> ranks

`scoring.score_year` calls them in this order; nothing here reads files, SQL or declarations. Missing is NaN,
and NaN or inf never get past the door (`values.finite`).
"""
