"""The words of DuckDB's parse tree that a query of a stranger may use: everything that is not here is refused."""

from __future__ import annotations

from dataclasses import dataclass

_SIMPLE = ("CONSTANT", "COLUMN_REF", "FUNCTION", "COMPARISON", "CONJUNCTION", "CAST", "CASE", "BETWEEN", "OPERATOR")
EXPRESSIONS = frozenset((*_SIMPLE, "STAR", "SUBQUERY", "WINDOW", "LAMBDA", "COLLATE"))
NODES = frozenset(("SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE"))
TABLES = frozenset(("BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST"))

# The other objects in the tree that have a "type": modifiers, sort orders and type infos.
_MODIFIERS = ("LIMIT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER", "ORDER_DEFAULT", "ASCENDING", "DESCENDING")
_TYPE_INFOS = ("DECIMAL_TYPE_INFO", "LIST_TYPE_INFO", "STRUCT_TYPE_INFO", "STRING_TYPE_INFO", "ARRAY_TYPE_INFO")
PARTS = frozenset((*_MODIFIERS, *_TYPE_INFOS))

# Types of values and of casts. Left out: VARIANT (DuckDB 1.5 ends its process when it hands one over as Arrow),
# GEOMETRY, and what is inside of DuckDB only. UNBOUND is a name that isn't looked up yet: JSON.
_WHOLE_NUMBERS = "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT BIGNUM"
_MOMENTS = "DATE TIME TIME_NS TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS INTERVAL"
TYPES = frozenset(
    (
        *f"{_WHOLE_NUMBERS} {_MOMENTS} NULL BOOLEAN FLOAT DOUBLE DECIMAL CHAR VARCHAR BLOB BIT UUID".split(),
        *("TIME WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", "INTEGER_LITERAL", "STRING_LITERAL"),
        *("LIST", "ARRAY", "STRUCT", "MAP", "UNION", "ENUM", "UNBOUND"),
    )
)

# Written without parentheses these are functions of the session, not columns.
SESSION_FUNCTIONS = frozenset(
    ("current_user", "session_user", "user", "current_role", "current_catalog", "current_schema", "current_database")
)

# Left out on purpose: what reads settings, statistics or other queries (current_setting, stats, query, getvariable),
# what stops or delays (error, sleep_ms), what makes values out of nothing (repeat, lpad, range, generate_series), what
# never ends (levenshtein), and what differs from run to run (random, uuid).
_OPERATORS = "+ - * / // % ** ^ & | << >> || ~~ !~~ ~~* !~~* ~~~ ^@ -> ->> ! @"
_NUMBERS = """
    abs ceil ceiling floor round round_even trunc sign sqrt cbrt exp ln log log2 log10 pow power pi mod greatest least
    gcd lcm isnan isinf isfinite even add subtract multiply divide fdiv fmod sin cos tan asin acos atan atan2 radians
    degrees hash md5 sha256 xor bit_count
"""
_TEXTS = """
    lower upper lcase ucase length len strlen char_length character_length trim ltrim rtrim left right substr substring
    replace contains starts_with ends_with prefix suffix position instr strpos reverse concat concat_ws split_part split
    string_split str_split string_to_array array_to_string ascii unicode ord chr strip_accents translate nfc_normalize
    regexp_full_match regexp_matches regexp_extract regexp_extract_all regexp_replace like_escape not_like_escape
    ilike_escape not_ilike_escape hex
"""
_TIMES = """
    now today current_date current_localtime current_localtimestamp get_current_time get_current_timestamp
    transaction_timestamp age date_add date_diff datediff date_sub datesub date_part datepart date_trunc datetrunc year
    month day hour minute second millisecond microsecond quarter week weekofyear weekday dayofweek dayofmonth dayofyear
    isodow isoyear yearweek dayname monthname last_day days_in_month decade century era epoch epoch_ms epoch_us epoch_ns
    julian make_date make_time make_timestamp make_timestamptz to_timestamp strftime strptime try_strptime time_bucket
    timezone to_years to_quarters to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds
    to_microseconds
"""
_CHOICES = "coalesce ifnull nullif if iif typeof"
_NESTED = """
    list_value list_pack list_contains list_has list_has_all list_has_any list_position array_length list_distinct
    list_unique list_sort list_reverse_sort list_extract list_element list_slice array_slice array_extract list_filter
    list_transform list_apply list_sum list_min list_max list_avg list_count list_concat list_any_value struct_pack
    struct_extract row map map_keys map_values map_entries map_extract element_at cardinality unnest flatten
    json_extract json_extract_string json_valid json_type json_array_length
"""
_AGGREGATES = """
    count count_star count_if countif sum avg mean min max median mode any_value arbitrary first last product fsum
    kahan_sum sumkahan favg stddev stddev_pop stddev_samp variance var_pop var_samp covar_pop covar_samp corr regr_slope
    regr_intercept regr_r2 regr_count regr_avgx regr_avgy skewness kurtosis mad entropy quantile quantile_cont
    quantile_disc approx_count_distinct approx_quantile arg_min arg_max argmin argmax min_by max_by bool_and bool_or
    bit_and bit_or bit_xor string_agg list array_agg geomean geometric_mean weighted_avg wavg row_number rank dense_rank
    rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value fill
"""
FUNCTIONS = frozenset(" ".join((_OPERATORS, _NUMBERS, _TEXTS, _TIMES, _CHOICES, _NESTED, _AGGREGATES)).split())

# What only a consumer's query may use: it runs in a process of its own, with limits on time and memory, so a function
# that makes much out of nothing hurts nobody else. (A rule of a contract runs beside the lake.)
_CONSUMERS = """
    lpad rpad repeat format printf bar format_bytes range generate_series histogram list_zip list_append list_prepend
    list_reduce list_reverse array_reverse_sort array_sort array_distinct array_contains array_has array_position
    array_unique array_concat array_length list_cat list_where list_select list_grade_up list_resize struct_insert
    to_json json_object json_array json_group_array json_keys approx_top_k arg_min_null arg_max_null reservoir_quantile
    sum_no_overflow jaccard jaro_similarity jaro_winkler_similarity hamming damerau_levenshtein levenshtein
    regexp_split_to_array string_split_regex str_split_regex regexp_escape to_base from_base64 to_base64 base64
    unhex from_hex bin to_hex left_grapheme right_grapheme length_grapheme substring_grapheme parse_filename
    cot sinh cosh tanh factorial nextafter signbit lgamma gamma
"""


# What answers by the clock; `age` of one moment is its age today.
_CLOCK = """
    now today current_date current_localtime current_localtimestamp get_current_time get_current_timestamp
    current_time current_timestamp localtime localtimestamp transaction_timestamp age
"""
CLOCK = frozenset(_CLOCK.split())
# What a row filter may not use: it is about one row, and the same at every moment, for its rows are kept in copies.
_NO_FILTER = CLOCK | {"unnest"}


@dataclass(frozen=True)
class Vocabulary:
    functions: frozenset[str]
    tables: frozenset[str]


RULES = Vocabulary(FUNCTIONS, TABLES)
CONSUMERS = Vocabulary(FUNCTIONS | frozenset(_CONSUMERS.split()), TABLES | {"PIVOT"})
FILTERS = Vocabulary(FUNCTIONS - frozenset(_AGGREGATES.split()) - _NO_FILTER, frozenset())
