<?php
echo file_get_contents(getenv('GATE') . $_SERVER['REQUEST_URI']);
