	CREATE TABLE IF NOT EXISTS cdp.hash_map (
		name text NOT NULL,
		given text NOT NULL,
		value text NOT NULL,
		place int NOT NULL,
		PRIMARY KEY (name, given)
	);
	COMMENT ON TABLE cdp.hash_map IS 'Words and the codes that platforms want for them, for the steps map and find of cdp.hash_rule; find tries them in the order of place.';

	CREATE TABLE IF NOT EXISTS cdp.hash_rule (
		platform text NOT NULL,
		field text NOT NULL,
		version text NOT NULL,
		aliases text[] NOT NULL DEFAULT '{}',
		steps jsonb NOT NULL,
		is_hashed boolean NOT NULL DEFAULT true,
		description text,
		PRIMARY KEY (platform, field)
	);
	COMMENT ON TABLE cdp.hash_rule IS 'How platforms want values to be written before they are hashed, one row a field; hash_for() goes through the steps. Where the official libraries of a platform disagree, each has a platform of its own.';
	COMMENT ON COLUMN cdp.hash_rule.version IS 'What the rule follows.';
	COMMENT ON COLUMN cdp.hash_rule.aliases IS 'Other names of the field: ours, and those of identifier types.';
	COMMENT ON COLUMN cdp.hash_rule.steps IS 'trim; lower; upper; [remove, regex]; [require, regex]: else null; [before, text]; [first, n]; [pad, n]: zeros in front; [prefix, text]; [strip_end, regex]: while it is there; [map, name]: by hash_map, else null; [find, name]: a two-letter value stays, else by hash_map, else by the first word of it that is in the value, else it stays; date: YYYYMMDD; [mailbox, dots | dots and tags]: of Gmail; [phone, e164 | digits]: when a region is given; [international, regex]: removed in front of a number that has a country code; [hashed, regex]: a value that is a hash already ends here.';
	INSERT INTO cdp.hash_map (name, given, value, place)
	SELECT 'state', split_part(w.word, ':', 1), split_part(w.word, ':', 2), w.place
	FROM regexp_split_to_table(
			'ontario:on quebec:qc britishcolumbia:bc alberta:ab saskatchewan:sk manitoba:mb novascotia:ns
			 newbrunswick:nb princeedwardisland:pe newfoundlandandlabrador:nl yukon:yt northwestterritories:nt
			 nunavut:nu alabama:al alaska:ak arizona:az arkansas:ar california:ca colorado:co connecticut:ct
			 delaware:de florida:fl georgia:ga hawaii:hi idaho:id illinois:il indiana:in iowa:ia kansas:ks
			 kentucky:ky louisiana:la maine:me maryland:md massachusetts:ma michigan:mi minnesota:mn
			 mississippi:ms missouri:mo montana:mt nebraska:ne nevada:nv newhampshire:nh newjersey:nj
			 newmexico:nm newyork:ny northcarolina:nc northdakota:nd ohio:oh oklahoma:ok oregon:or
			 pennsylvania:pa rhodeisland:ri southcarolina:sc southdakota:sd tennessee:tn texas:tx utah:ut
			 vermont:vt virginia:va washington:wa westvirginia:wv wisconsin:wi wyoming:wy',
			'\s+') WITH ORDINALITY w (word, place)
	ON CONFLICT (name, given) DO NOTHING;
	INSERT INTO cdp.hash_map (name, given, value, place)
	SELECT 'country', split_part(w.word, ':', 1), split_part(w.word, ':', 2), w.place
	FROM regexp_split_to_table(
			'unitedstates:us usa:us ind:in afghanistan:af alandislands:ax albania:al algeria:dz americansamoa:as
			 andorra:ad angola:ao anguilla:ai antarctica:aq antiguaandbarbuda:ag argentina:ar armenia:am aruba:aw
			 australia:au austria:at azerbaijan:az bahamas:bs bahrain:bh bangladesh:bd barbados:bb belarus:by
			 belgium:be belize:bz benin:bj bermuda:bm bhutan:bt boliviaplurinationalstateof:bo bolivia:bo
			 bonairesinteustatinsandsaba:bq bosniaandherzegovina:ba botswana:bw bouvetisland:bv brazil:br
			 britishindianoceanterritory:io bruneidarussalam:bn brunei:bn bulgaria:bg burkinafaso:bf burundi:bi
			 cambodia:kh cameroon:cm canada:ca capeverde:cv caymanislands:ky centralafricanrepublic:cf chad:td
			 chile:cl china:cn christmasisland:cx cocoskeelingislands:cc colombia:co comoros:km congo:cg
			 congothedemocraticrepublicofthe:cd democraticrepublicofthecongo:cd cookislands:ck costarica:cr
			 cotedivoire:ci ivorycoast:ci croatia:hr cuba:cu curacao:cw cyprus:cy czechrepublic:cz denmark:dk
			 djibouti:dj dominica:dm dominicanrepublic:do ecuador:ec egypt:eg elsalvador:sv equatorialguinea:gq
			 eritrea:er estonia:ee ethiopia:et falklandislandsmalvinas:fk faroeislands:fo fiji:fj finland:fi
			 france:fr frenchguiana:gf frenchpolynesia:pf frenchsouthernterritories:tf gabon:ga gambia:gm
			 georgia:ge germany:de ghana:gh gibraltar:gi greece:gr greenland:gl grenada:gd guadeloupe:gp guam:gu
			 guatemala:gt guernsey:gg guinea:gn guineabissau:gw guyana:gy haiti:ht
			 heardislandandmcdonaldislands:hm holyseevaticancitystate:va vatican:va honduras:hn hongkong:hk
			 hungary:hu iceland:is india:in indonesia:id iranislamicrepublicof:ir iran:ir iraq:iq ireland:ie
			 isleofman:im israel:il italy:it jamaica:jm japan:jp jersey:je jordan:jo kazakhstan:kz kenya:ke
			 kiribati:ki koreademocraticpeoplesrepublicof:kp northkorea:kp korearepublicof:kr southkorea:kr
			 kuwait:kw kyrgyzstan:kg laopeoplesdemocraticrepublic:la laos:la latvia:lv lebanon:lb lesotho:ls
			 liberia:lr libya:ly liechtenstein:li lithuania:lt luxembourg:lu macao:mo
			 macedoniatheformeryugoslavrepublicof:mk macedonia:mk madagascar:mg malawi:mw malaysia:my maldives:mv
			 mali:ml malta:mt marshallislands:mh martinique:mq mauritania:mr mauritius:mu mayotte:yt mexico:mx
			 micronesiafederatedstatesof:fm micronesia:fm moldovarepublicof:md moldova:md monaco:mc mongolia:mn
			 montenegro:me montserrat:ms morocco:ma mozambique:mz myanmar:mm namibia:na nauru:nr nepal:np
			 netherlands:nl newcaledonia:nc newzealand:nz nicaragua:ni niger:ne nigeria:ng niue:nu
			 norfolkisland:nf northernmarianaislands:mp norway:no oman:om pakistan:pk palau:pw
			 palestinestateof:ps palestine:ps panama:pa papuanewguinea:pg paraguay:py peru:pe philippines:ph
			 pitcairn:pn poland:pl portugal:pt puertorico:pr qatar:qa reunion:re romania:ro russianfederation:ru
			 russia:ru rwanda:rw saintbarthelemy:bl sainthelenaascensionandtristandacunha:sh
			 saintkittsandnevis:kn saintlucia:lc saintmartinfrenchpart:mf saintpierreandmiquelon:pm
			 saintvincentandthegrenadines:vc samoa:ws sanmarino:sm saotomeandprincipe:st saudiarabia:sa
			 senegal:sn serbia:rs seychelles:sc sierraleone:sl singapore:sg sintmaartenductchpart:sx slovakia:sk
			 slovenia:si solomonislands:sb somalia:so southafrica:za southgeorgiaandthesouthsandwichislands:gs
			 southsudan:ss spain:es srilanka:lk sudan:sd suriname:sr svalbardandjanmayen:sj eswatini:sz
			 swaziland:sz sweden:se switzerland:ch syrianarabrepublic:sy syria:sy taiwanprovinceofchina:tw
			 taiwan:tw tajikistan:tj tanzaniaunitedrepublicof:tz tanzania:tz thailand:th timorleste:tl
			 easttimor:tl togo:tg tokelau:tk tonga:to trinidadandtobago:tt tunisia:tn turkey:tr turkmenistan:tm
			 turksandcaicosislands:tc tuvalu:tv uganda:ug ukraine:ua unitedarabemirates:ae unitedkingdom:gb
			 unitedstatesofamerica:us unitedstatesminoroutlyingislands:um uruguay:uy uzbekistan:uz vanuatu:vu
			 venezuelabolivarianrepublicof:ve venezuela:ve vietnam:vn virginislandsbritish:vg virginislandsus:vi
			 wallisandfutuna:wf westernsahara:eh yemen:ye zambia:zm zimbabwe:zw',
			'\s+') WITH ORDINALITY w (word, place)
	ON CONFLICT (name, given) DO NOTHING;
	INSERT INTO cdp.hash_map (name, given, value, place)
	SELECT 'country_code', split_part(w.word, ':', 1), split_part(w.word, ':', 2), w.place
	FROM regexp_split_to_table(
			'ad:ad ae:ae af:af ag:ag ai:ai al:al am:am ao:ao aq:aq ar:ar as:as at:at au:au aw:aw ax:ax az:az
			 ba:ba bb:bb bd:bd be:be bf:bf bg:bg bh:bh bi:bi bj:bj bl:bl bm:bm bn:bn bo:bo bq:bq br:br bs:bs
			 bt:bt bv:bv bw:bw by:by bz:bz ca:ca cc:cc cd:cd cf:cf cg:cg ch:ch ci:ci ck:ck cl:cl cm:cm cn:cn
			 co:co cr:cr cu:cu cv:cv cw:cw cx:cx cy:cy cz:cz de:de dj:dj dk:dk dm:dm do:do dz:dz ec:ec ee:ee
			 eg:eg eh:eh er:er es:es et:et fi:fi fj:fj fk:fk fm:fm fo:fo fr:fr ga:ga gb:gb gd:gd ge:ge gf:gf
			 gg:gg gh:gh gi:gi gl:gl gm:gm gn:gn gp:gp gq:gq gr:gr gs:gs gt:gt gu:gu gw:gw gy:gy hk:hk hm:hm
			 hn:hn hr:hr ht:ht hu:hu id:id ie:ie il:il im:im in:in io:io iq:iq ir:ir is:is it:it je:je jm:jm
			 jo:jo jp:jp ke:ke kg:kg kh:kh ki:ki km:km kn:kn kp:kp kr:kr kw:kw ky:ky kz:kz la:la lb:lb lc:lc
			 li:li lk:lk lr:lr ls:ls lt:lt lu:lu lv:lv ly:ly ma:ma mc:mc md:md me:me mf:mf mg:mg mh:mh mk:mk
			 ml:ml mm:mm mn:mn mo:mo mp:mp mq:mq mr:mr ms:ms mt:mt mu:mu mv:mv mw:mw mx:mx my:my mz:mz na:na
			 nc:nc ne:ne nf:nf ng:ng ni:ni nl:nl no:no np:np nr:nr nu:nu nz:nz om:om pa:pa pe:pe pf:pf pg:pg
			 ph:ph pk:pk pl:pl pm:pm pn:pn pr:pr ps:ps pt:pt pw:pw py:py qa:qa re:re ro:ro rs:rs ru:ru rw:rw
			 sa:sa sb:sb sc:sc sd:sd se:se sg:sg sh:sh si:si sj:sj sk:sk sl:sl sm:sm sn:sn so:so sr:sr ss:ss
			 st:st sv:sv sx:sx sy:sy sz:sz tc:tc td:td tf:tf tg:tg th:th tj:tj tk:tk tl:tl tm:tm tn:tn to:to
			 tr:tr tt:tt tv:tv tw:tw tz:tz ua:ua ug:ug um:um us:us uy:uy uz:uz va:va vc:vc ve:ve vg:vg vi:vi
			 vn:vn vu:vu wf:wf ws:ws ye:ye yt:yt za:za zm:zm zw:zw',
			'\s+') WITH ORDINALITY w (word, place)
	ON CONFLICT (name, given) DO NOTHING;
	INSERT INTO cdp.hash_map (name, given, value, place)
	SELECT 'gender', split_part(w.word, ':', 1), split_part(w.word, ':', 2), w.place
	FROM regexp_split_to_table(
			'man:m male:m boy:m gentleman:m guy:m sir:m mister:m mr:m son:m father:m dad:m daddy:m papa:m uncle:m
			 nephew:m brother:m husband:m boyfriend:m groom:m widower:m king:m prince:m duke:m count:m emperor:m
			 god:m lord:m lad:m fellow:m chap:m bloke:m dude:m he:m him:m his:m himself:m m:m woman:f female:f
			 girl:f lady:f miss:f ms:f mrs:f madam:f ma''am:f daughter:f mother:f mom:f mama:f mommy:f aunt:f
			 niece:f sister:f wife:f girlfriend:f bride:f widow:f queen:f princess:f duchess:f countess:f
			 empress:f goddess:f maiden:f lass:f gal:f chick:f dame:f belle:f she:f her:f hers:f herself:f f:f',
			'\s+') WITH ORDINALITY w (word, place)
	ON CONFLICT (name, given) DO NOTHING;
	INSERT INTO cdp.hash_map (name, given, value, place)
	SELECT 'gender_letter', split_part(w.word, ':', 1), split_part(w.word, ':', 2), w.place
	FROM regexp_split_to_table(
			'm:m male:m f:f female:f',
			'\s+') WITH ORDINALITY w (word, place)
	ON CONFLICT (name, given) DO NOTHING;
	INSERT INTO cdp.hash_rule (platform, version, field, aliases, steps, is_hashed, description) VALUES
		('meta', 'capi-param-builder b0b6f0b', 'em', '{email}',
		 '[["hashed"], ["lower"], ["trim"], ["require", "^[a-z0-9_!#$%&''*+/=?^`{|}~-]+(:?[.][a-z0-9_!#$%&''*+/=?^`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z0-9]([a-z0-9-]*[a-z0-9])?$"]]', true, 'E-mail address; only ASCII.'),
		('meta', 'capi-param-builder b0b6f0b', 'ph', '{phone}',
		 '[["hashed"], ["phone", "digits"], ["remove", "[^0-9]"], ["remove", "^0+"]]', true, 'Digits with the country code, without zeros in front.'),
		('meta', 'capi-param-builder b0b6f0b', 'fn', '{first_name}',
		 '[["hashed"], ["remove", "[[:space:]]"], ["remove", "[]!\"#$%&''()*+,./:;<=>?@[\\\\^_`{|}~[:space:]-]"], ["lower"]]', true, 'Lower case without blanks and punctuation.'),
		('meta', 'capi-param-builder b0b6f0b', 'ln', '{last_name}',
		 '[["hashed"], ["remove", "[[:space:]]"], ["remove", "[]!\"#$%&''()*+,./:;<=>?@[\\\\^_`{|}~[:space:]-]"], ["lower"]]', true, 'Lower case without blanks and punctuation.'),
		('meta', 'capi-param-builder b0b6f0b', 'ct', '{city}',
		 '[["hashed"], ["remove", "[^a-zA-Z0-9]"], ["lower"], ["require", "^[a-z]"]]', true, 'ASCII letters and digits only.'),
		('meta', 'capi-param-builder b0b6f0b', 'st', '{state}',
		 '[["hashed"], ["lower"], ["remove", "[^a-z]"], ["find", "state"], ["first", 2]]', true, 'Two letters; names of US states and Canadian provinces become their codes.'),
		('meta', 'capi-param-builder b0b6f0b', 'country', '{}',
		 '[["hashed"], ["lower"], ["remove", "[^a-z]"], ["find", "country"], ["first", 2]]', true, 'Two letters; English names become their codes.'),
		('meta', 'capi-param-builder b0b6f0b', 'zp', '{postal_code,zip}',
		 '[["hashed"], ["lower"], ["before", "-"], ["trim"], ["require", "^..+$"]]', true, 'What stands before a hyphen.'),
		('meta', 'capi-param-builder b0b6f0b', 'db', '{birthday,date_of_birth}',
		 '[["hashed"], ["date"]]', true, 'YYYYMMDD.'),
		('meta', 'capi-param-builder b0b6f0b', 'ge', '{gender}',
		 '[["hashed"], ["lower"], ["trim"], ["map", "gender"]]', true, 'm or f.'),
		('meta', 'capi-param-builder b0b6f0b', 'external_id', '{user_id,crm_id,loyalty_id,profile_id}',
		 '[["hashed"], ["remove", "[[:space:]]"], ["lower"]]', true, 'Lower case without blanks.'),
		('meta', 'capi-param-builder b0b6f0b', 'madid', '{advertising_id}',
		 '[["trim"], ["lower"]]', false, 'Advertising id of a device, as it is.'),
		('meta', 'capi-param-builder b0b6f0b', 'f5first', '{}',
		 '[["hashed"], ["trim"], ["lower"], ["first", 5]]', true, 'First five letters of a name.'),
		('meta', 'capi-param-builder b0b6f0b', 'f5last', '{}',
		 '[["hashed"], ["trim"], ["lower"], ["first", 5]]', true, 'First five letters of a name.'),
		('meta', 'capi-param-builder b0b6f0b', 'fi', '{}',
		 '[["hashed"], ["trim"], ["lower"], ["first", 1]]', true, 'Initial.'),
		('meta', 'capi-param-builder b0b6f0b', 'dobd', '{}',
		 '[["hashed"], ["trim"], ["require", "^[0-9]{1,2}$"], ["pad", 2], ["require", "^(0[1-9]|[12][0-9]|3[01])$"]]', true, 'Day of birth.'),
		('meta', 'capi-param-builder b0b6f0b', 'dobm', '{}',
		 '[["hashed"], ["trim"], ["require", "^[0-9]{1,2}$"], ["pad", 2], ["require", "^(0[1-9]|1[0-2])$"]]', true, 'Month of birth.'),
		('meta', 'capi-param-builder b0b6f0b', 'doby', '{}',
		 '[["hashed"], ["trim"], ["require", "^[0-9]{4}$"]]', true, 'Year of birth.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'em', '{email}',
		 '[["trim"], ["lower"], ["hashed"], ["require", "^[a-z0-9_!#$%&''*+/=?^`{|}~-]+(:?[.][a-z0-9_!#$%&''*+/=?^`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z0-9]([a-z0-9-]*[a-z0-9])?$"]]', true, 'E-mail address; only ASCII.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'ph', '{phone}',
		 '[["phone", "digits"], ["trim"], ["lower"], ["hashed"], ["remove", "[-@#<>''\",; ()+a-z]"], ["international", "^0{0,2}"], ["require", "^.{7,15}$"]]', true, 'As the SDK leaves it: letters and some punctuation removed.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'fn', '{first_name}',
		 '[["trim"], ["lower"], ["hashed"]]', true, 'Lower case.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'ln', '{last_name}',
		 '[["trim"], ["lower"], ["hashed"]]', true, 'Lower case.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'ct', '{city}',
		 '[["trim"], ["lower"], ["hashed"], ["remove", "[0-9[:space:]().-]"]]', true, 'Lower case without digits, blanks, dots, brackets and hyphens.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'st', '{state}',
		 '[["trim"], ["lower"], ["hashed"], ["remove", "[0-9[:space:]().-]"]]', true, 'Lower case without digits, blanks, dots, brackets and hyphens.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'country', '{}',
		 '[["trim"], ["lower"], ["hashed"], ["map", "country_code"]]', true, 'Two-letter ISO code.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'zp', '{postal_code,zip}',
		 '[["trim"], ["lower"], ["hashed"], ["remove", "[[:space:]]"], ["before", "-"], ["require", "^..+$"]]', true, 'Without blanks, what stands before a hyphen.'),
		('meta-sdk', 'facebook-nodejs-business-sdk 24.0.1', 'ge', '{gender}',
		 '[["trim"], ["lower"], ["hashed"], ["remove", "[^a-z]"], ["map", "gender_letter"]]', true, 'm or f.'),
		('meta-python', 'facebook-python-business-sdk', 'em', '{email}',
		 '[["trim"], ["lower"], ["hashed"], ["require", "^.+@[^@]+[.][^@.]+$"]]', true, 'E-mail address, read leniently.'),
		('google', 'data-manager-node e7987f8', 'email', '{em}',
		 '[["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"], ["require", "^[^ @]+@[^ @]+$"], ["mailbox", "dots and tags"], ["require", "^[^@]+@"]]', true, 'At gmail.com and googlemail.com without dots and +tag.'),
		('google', 'data-manager-node e7987f8', 'phone', '{ph}',
		 '[["trim"], ["hashed", "^[0-9a-f]{64}$"], ["phone", "e164"], ["remove", "[^0-9]"], ["require", "[0-9]"], ["prefix", "+"]]', true, 'E.164 with the plus.'),
		('google', 'data-manager-node e7987f8', 'given_name', '{first_name,fn}',
		 '[["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"], ["remove", "^(mr|mrs|ms|dr)[.]([[:space:]]|$)"], ["trim"]]', true, 'Without Mr., Mrs., Ms., Dr.'),
		('google', 'data-manager-node e7987f8', 'family_name', '{last_name,ln}',
		 '[["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"], ["strip_end", "(,[[:space:]]*|[[:space:]]+)(jr[.]?|sr[.]?|2nd|3rd|ii|iii|iv|v|vi|cpa|dc|dds|vm|jd|md|phd)[[:space:]]?$"]]', true, 'Without Jr., Sr. and academic titles.'),
		('google', 'data-manager-node e7987f8', 'region_code', '{country}',
		 '[["trim"], ["upper"], ["require", "^[A-Z]{2}$"]]', false, 'Two-letter ISO code, not hashed.'),
		('google', 'data-manager-node e7987f8', 'postal_code', '{zip,zp}',
		 '[["trim"]]', false, 'As it is, not hashed.'),
		('google', 'data-manager-node e7987f8', 'mobile_id', '{advertising_id}',
		 '[["trim"]]', false, 'Advertising id of a device, as it is.'),
		('google-python', 'data-manager-python December 2025', 'email', '{em}',
		 '[["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"], ["require", "^[^ @]+@[^ @]+$"], ["mailbox", "dots"], ["require", "^[^@]+@"]]', true, 'At gmail.com and googlemail.com without dots; the +tag stays.'),
		('google-ads', 'google-ads-python add_customer_match_user_list', 'email', '{em}',
		 '[["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"]]', true, 'Trimmed, lower case, nothing else.'),
		('google-ads', 'google-ads-python add_customer_match_user_list', 'phone', '{ph}',
		 '[["phone", "e164"], ["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"]]', true, 'Trimmed; with a region E.164.'),
		('tiktok', 'Events API 1.3', 'email', '{em}',
		 '[["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"], ["require", "^[a-z0-9_!#$%&''*+/=?^`{|}~-]+(:?[.][a-z0-9_!#$%&''*+/=?^`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z0-9]([a-z0-9-]*[a-z0-9])?$"]]', true, 'Lower case.'),
		('tiktok', 'Events API 1.3', 'phone', '{ph}',
		 '[["trim"], ["hashed", "^[0-9a-f]{64}$"], ["phone", "e164"], ["remove", "[^0-9]"], ["require", "[0-9]"], ["prefix", "+"]]', true, 'E.164 with the plus.'),
		('tiktok', 'Events API 1.3', 'external_id', '{user_id,crm_id,loyalty_id,profile_id}',
		 '[["trim"], ["hashed", "^[0-9a-f]{64}$"]]', true, 'As it is.'),
		('tiktok', 'Events API 1.3', 'maid', '{advertising_id}',
		 '[["trim"], ["lower"], ["hashed", "^[0-9a-f]{64}$"]]', true, 'Advertising id of a device.')
	ON CONFLICT (platform, field) DO NOTHING;
