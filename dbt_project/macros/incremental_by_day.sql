{#
  Incremental models that recompute whole days of a port: the days that new loads touch, nothing else (a tick: one or two
  of 364). The mark is the load id, not a time: a late batch carries an old time but always a new load id. Marks and days
  are written as literals, because DuckLake prunes files by literals only.
#}

{# Condition on the rows of `port` for an incremental run; nothing (all rows) for a first or a full one. #}
{% macro where_day_is_touched(port, day='business_date', mark='load_id') -%}
    {%- if is_incremental() -%}
        {%- set seen = run_query('select coalesce(max(' ~ mark ~ '), 0) from ' ~ this).columns[0].values()[0] -%}
        {%- set served = run_query('select coalesce(max(' ~ mark ~ '), 0) from ' ~ port).columns[0].values()[0] -%}
        {#- A port behind the mark was rolled back, and `forget_after_rollback` has emptied the table: take all. -#}
        {%- if served >= seen -%}
            {%- set days = run_query(
                'select distinct ' ~ day ~ ' from ' ~ port
                ~ ' where ' ~ mark ~ ' > ' ~ seen ~ ' and ' ~ mark ~ ' <= ' ~ served ~ ' order by 1'
            ).columns[0].values() -%}
            {#- The upper mark keeps out what is published while this runs: half of such a load would pass for all. -#}
            where {{ mark }} <= {{ served }}
            {%- if days | length == 0 %} and false
            {%- else %} and {{ day }} in ({% for value in days %}date '{{ value }}'{{ ', ' if not loop.last }}{% endfor %})
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Pre-hook: a port that was rolled back behind this table's mark leaves no trace of which rows are wrong: start over. #}
{% macro forget_after_rollback(port, mark='load_id') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where (select max({{ mark }}) from {{ port }}) < (select max({{ mark }}) from {{ this }})
    {%- endif -%}
{%- endmacro %}
