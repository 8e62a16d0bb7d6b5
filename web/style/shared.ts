/** The styles of every page, in the order in which they count. */
import 'virtual:palette.css';
import './base.css';
import './parts.css';
import './timeline.css';
import './preferences.css';
import './draw.css';
