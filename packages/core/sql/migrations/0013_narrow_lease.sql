-- A lease that needs no resource has the empty word for one. A null made each of these rows eight bytes wider, and every
-- claim and renewal of a job that has nothing to do with resources wrote them into the log.
alter table :"schema".lease alter column resource set default '';
update :"schema".lease set resource = '' where resource is null;
alter table :"schema".lease alter column resource set not null;
drop index :"schema".lease_resource;
create index lease_resource on :"schema".lease (resource) where resource <> '';
