"""Function words by ISO 639-1 code: they say how a sentence is built, not what it is about."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS: dict[str, frozenset[str]] = {
    "en": _words(
        """a about above after again against ain all also am an and any are aren as at be because been before being
        below between both but by can cannot could couldn d did didn do does doesn doing don down during each either
        etc few for from further had hadn has hasn have haven having he her here hers herself him himself his how if
        in into is isn it its itself just ll m may me might mightn more most must mustn my myself neither no nor not
        now of off on once one only or other ought our ours ourselves out over own per please re s same shall shan she
        should shouldn so some such t than that the their theirs them themselves then there these they this those
        through thus to too under until up upon us ve very via was wasn we were weren what when where whereas whether
        which while who whom whose why will with within without won would wouldn yet you your yours yourself
        yourselves"""
    ),
    "es": _words(
        """a al algo alguna algunas alguno algunos ante antes aquel aquella aquellas aquello aquellos así aun aunque
        bajo bien cada como cómo con contra cual cuál cuáles cuales cuando cuándo cuanta cuánta cuántas cuanto cuánto
        cuántos de del desde donde dónde dos durante e el él ella ellas ello ellos en entre era eran es esa esas ese
        eso esos esta está están estaba estaban estar estas este esto estos fue fueron ha haber había habían han hasta
        hay la las le les lo los más me mi mis mientras mucho muy nada ni no nos nosotros nuestra nuestro o os otra
        otras otro otros para pero poco por porque pues que qué quien quién quienes quiénes se sea según ser si sí sido
        sin sobre son su sus también tan tanto te tener tiene tienen todo todos tu tus u un una unas uno unos y ya yo"""
    ),
    "de": _words(
        """aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus bei beim bin bis
        bist da dabei dadurch dafür dagegen damit danach dann daran darauf daraus darin darüber das dass dein dem den
        denn der deren des dessen die dies diese diesem diesen dieser dieses doch dort du durch ein eine einem einen
        einer eines einige er es etwa etwas euch euer für gegen haben hat hatte hatten hier hinter ich ihm ihn ihnen ihr
        ihre ihrem ihren ihrer ihres im in indem ins ist ja jede jedem jeden jeder jedes jedoch jene jenem jenen jener
        kann kein keine keinem keinen keiner können konnte man manche mehr mein meine mich mir mit muss müssen nach
        nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit sich sie sind so sogar solche
        soll sollen sollte sondern sonst sowie über um und uns unser unter vom von vor während war waren warum was weder
        weil welche welchem welchen welcher welches wenn wer werden wie wieder wir wird wo wurde wurden würde würden zu
        zum zur zwar zwischen"""
    ),
    "fr": _words(
        """à afin ai ainsi après as au aucun aucune aussi autre autres aux avaient avait avant avec avez avoir avons c
        car ce ceci cela celle celles celui ces cet cette ceux chaque chez comme comment d dans de depuis des dont donc
        du elle elles en encore entre es est et étaient était étant été être eu eux fait il ils j je l la laquelle le
        lequel les lesquelles lesquels leur leurs lors lorsque lui m ma mais me même mêmes mes moi moins mon n ne ni
        nos notre nous on ont ou où par parce pas pendant peu peut plus pour pourquoi qu quand que quel quelle quelles
        quels qui quoi s sa sans se selon sera seront ses si soit son sont sous sur t ta te tes toi ton tous tout toute
        toutes très tu un une vers vos votre vous y"""
    ),
    "it": _words(
        """a ad agli ai al alla alle allo altra altre altri altro anche ancora avere aveva avevano c che chi ci cioè
        come con contro cosa così cui d da dagli dai dal dalla dalle dallo degli dei del della delle dello dentro di
        dopo dove due durante e è ed era erano essere fa fino fra fu furono gli ha hai hanno ho i il in infatti io l la
        le lei li lo loro lui ma me mentre mi mia mie miei mio molto ne negli nei nel nella nelle nello nessuno noi non
        nostra nostro o ogni oppure ora per perché più poi prima qual quale quali quando quanta quante quanti quanto
        quella quelle quelli quello questa queste questi questo qui se secondo sei senza si sia sono sopra sotto sua
        sue sugli sui sul sulla sulle sullo suo suoi tra tu tua tue tuo tutta tutte tutti tutto un una uno vi voi"""
    ),
    "pt": _words(
        """a à ainda além algum alguma algumas alguns antes ao aos após apenas aquela aquelas aquele aqueles aquilo as
        às assim até cada com como contra cuja cujo da das de dela delas dele deles depois desde dessa desse desta
        deste dia do dos durante e é ela elas ele eles em enquanto entre era eram essa essas esse esses esta está estão
        estas estava estavam este estes eu foi foram há isso isto já la lhe lhes lo mais mas me mesmo meu meus minha
        muito na nas nem no nos nós nossa nosso num numa não o onde os ou outra outras outro outros para pela pelas
        pelo pelos per por porque porém pois qual quais quando quanta quantas quanto quantos que quê quem se seja sem
        sendo ser será seu seus só sob sobre sua suas são também tanto te tem têm ter teu toda todas todo todos tu tua
        um uma umas uns vos você vocês"""
    ),
    "nl": _words(
        """aan achter al alle alleen als altijd ander andere anders bij binnen dan dat de deze die dit doch door dus
        een eens elk elke en er geen geweest had hadden heb hebben heeft hem het hier hij hoe hoeveel hun iets ik in is
        ja je jij jou jouw kan kon konden kunnen maar me meer men met mij mijn moest moet moeten na naar niet niets nog
        nu of om omdat onder ons onze ook op over reeds sinds te tegen ten ter toch toen tot tussen u uit uw van veel
        vanaf via volgens voor waar waarom wanneer want waren was wat we wel welk welke werd werden wie wij wil worden
        wordt zal ze zelf zich zij zijn zo zonder zou zouden"""
    ),
}
"""Stop words in lower case; a language that is missing here has none dropped."""
