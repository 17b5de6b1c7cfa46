#!/bin/bash
mkdir -p /srv/house
touch /srv/house/swept
