CREATE ROLE desk LOGIN;
CREATE TABLE visits (patient text NOT NULL, reason text NOT NULL);
ALTER TABLE visits OWNER TO desk;
