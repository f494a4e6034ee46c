# Makes the names that compose.yaml's MariaDB begins with, and a user who may read them and nothing else.
# The image runs this once, on an empty volume; docker_process_sql is its own.
docker_process_sql <<SQL
create database if not exists jarvis;
create table jarvis.customers (id varchar(255) primary key, name varchar(200) not null, picture varchar(500));
create table jarvis.dentists (id int unsigned primary key, name varchar(200) not null, picture varchar(500));
insert into jarvis.dentists (id, name) values (1, 'Dr. Grace Hopper');
create user parley identified by '$READER_PASSWORD';
grant select on jarvis.* to parley;
SQL
