-- What a worker runs, exactly: the numbers of its lanes, and for each the resource that it needs there, or null. Null: a
-- worker of an older version, which tells its types only.
alter table :"schema".worker add column lanes jsonb;
