CREATE ROLE shop LOGIN;

CREATE TABLE cards (
    customer integer PRIMARY KEY,
    holder   text NOT NULL,
    number   text NOT NULL,
    expires  text NOT NULL
);

CREATE TABLE payments (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer integer NOT NULL REFERENCES cards,
    item     text NOT NULL,
    via      text NOT NULL,
    paid_at  timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE cards OWNER TO shop;
ALTER TABLE payments OWNER TO shop;
