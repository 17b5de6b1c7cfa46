#!/bin/bash
if ! grep -q '^black tea$' /srv/house/menu.txt; then
  echo "there is no black tea on the menu"
  exit 1
fi
