#!/bin/bash
touch /srv/house/lock
